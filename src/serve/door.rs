//! A socket and what is spoken over it.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;

use super::accept::{self, Speech};
use super::bind::Listener;
use super::gate::{Entrance, Gates};
#[cfg(feature = "h3")]
use super::http::Site;
#[cfg(feature = "quic")]
use super::quic;
use super::tls::Certificate;
use super::turn::Turns;
use super::{Service, Stop, udp};
use crate::config::ListenScheme;
use crate::engine::Transport;

/// One socket of a listener. A worker has one of each.
pub struct Door(Kind);

enum Kind {
    Datagrams(UdpSocket),
    Connections(TcpListener, Speech, Entrance),
    #[cfg(feature = "quic")]
    Quic(UdpSocket, quinn::ServerConfig, quic::Speech, Entrance),
}

/// The doors of a listener, those of each worker together.
///
/// # Errors
/// Why what is spoken there cannot be spoken.
pub fn of(
    listener: Listener,
    certificate: Option<&Arc<Certificate>>,
    gates: &Gates,
    service: &Arc<Service>,
) -> Result<Vec<Vec<Door>>, String> {
    let Listener { url, udp, tcp } = listener;
    let datagrams = |socket| vec![Door(Kind::Datagrams(socket))];
    let entrance = |transport| Entrance::new(gates.of(transport, url.private_only), url.private_only);
    let connections = |speech: Speech, transport| {
        let entrance = entrance(transport);
        move |socket| Door(Kind::Connections(socket, speech.clone(), entrance.clone()))
    };
    // The configuration lets no encrypted listener through without one.
    let needed = || certificate.ok_or_else(|| format!("{url} needs a certificate"));
    Ok(match url.scheme {
        ListenScheme::Plain => {
            let door = connections(Speech::Plain, Transport::Tcp);
            let mut doors: Vec<Vec<Door>> = udp.into_iter().map(datagrams).collect();
            for (worker, socket) in doors.iter_mut().zip(tcp) {
                worker.push(door(socket));
            }
            doors
        }
        ListenScheme::Tls => {
            let speech = Speech::tls(needed()?)?;
            let door = connections(speech, Transport::Tls);
            tcp.into_iter().map(|socket| vec![door(socket)]).collect()
        }
        ListenScheme::Https => {
            let speech = Speech::https(needed()?, service)?;
            let door = connections(speech, Transport::Https);
            tcp.into_iter().map(|socket| vec![door(socket)]).collect()
        }
        #[cfg(feature = "onboard")]
        ListenScheme::Http => {
            let door = connections(Speech::http(service), Transport::Http);
            tcp.into_iter().map(|socket| vec![door(socket)]).collect()
        }
        #[cfg(feature = "quic")]
        ListenScheme::Quic => of_quic(udp, needed()?, quic::Speech::Dns, &entrance(Transport::Quic))?,
        #[cfg(feature = "h3")]
        ListenScheme::H3 => {
            let site = Arc::new(Site::new(Arc::clone(service)));
            of_quic(udp, needed()?, quic::Speech::Http(site), &entrance(Transport::H3))?
        }
        // The configuration lets no scheme through that is not built.
        #[cfg(not(all(feature = "h3", feature = "onboard")))]
        _ => return Err(format!("this build cannot listen on {url}")),
    })
}

#[cfg(feature = "quic")]
fn of_quic(
    sockets: Vec<UdpSocket>,
    certificate: &Arc<Certificate>,
    speech: quic::Speech,
    entrance: &Entrance,
) -> Result<Vec<Vec<Door>>, String> {
    let config = quic::server_config(certificate, &speech, entrance.gate().limits())?;
    let door = |socket| {
        Door(Kind::Quic(
            socket,
            config.clone(),
            speech.clone(),
            entrance.clone(),
        ))
    };
    Ok(sockets.into_iter().map(|socket| vec![door(socket)]).collect())
}

impl Door {
    /// Whether what is spoken there is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        !matches!(
            self.0,
            Kind::Datagrams(_) | Kind::Connections(_, Speech::Plain, _)
        )
    }

    /// Serves what comes until it is to stop. The doors of one thread share their `turns`.
    ///
    /// # Errors
    /// If the socket cannot be used at all.
    pub async fn serve(self, service: Arc<Service>, turns: Arc<Turns>, stop: Stop) -> io::Result<()> {
        match self.0 {
            Kind::Datagrams(socket) => udp::serve(socket, service).await,
            Kind::Connections(socket, speech, entrance) => {
                accept::serve(socket, speech, service, entrance, turns, stop).await
            }
            #[cfg(feature = "quic")]
            Kind::Quic(socket, config, speech, entrance) => {
                quic::serve(socket, config, speech, service, entrance, turns, stop).await
            }
        }
    }
}
