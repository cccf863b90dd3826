//! The threads that answer: one single-threaded runtime each, with sockets of its own on the shared port.
//!
//! The kernel spreads clients over the sockets (SO_REUSEPORT), so a query stays on one core from its first
//! byte to its last and workers share nothing but the snapshot and the cache.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;
use tracing::error;

use crate::serve::bind::Listener;
use crate::serve::{Service, tcp, udp};

/// The running threads. Dropping waits until they have ended.
pub(super) struct Workers {
    /// Stages of the end: 0 serve, 1 take nothing new, 2 end.
    stage: watch::Sender<u8>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Takes no further query; answers under way go out.
    pub(super) fn stop(&self) {
        self.stage.send_replace(1);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stage.send_replace(2);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts a worker for each socket of the listeners.
pub(super) fn start(
    listeners: Vec<Listener>,
    service: &Arc<Service>,
    gate: &Arc<tcp::Gate>,
) -> io::Result<Workers> {
    let (stage, _) = watch::channel(0);
    let mut shares: Vec<Share> = Vec::new();
    for listener in listeners {
        shares.resize_with(shares.len().max(listener.udp.len()), Share::default);
        for (share, (udp, tcp)) in shares.iter_mut().zip(listener.udp.into_iter().zip(listener.tcp)) {
            share.udp.push(udp);
            share.tcp.push(tcp);
        }
    }
    let mut threads = Vec::with_capacity(shares.len());
    for (number, share) in shares.into_iter().enumerate() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (service, gate, stage) = (Arc::clone(service), Arc::clone(gate), stage.subscribe());
        let thread = std::thread::Builder::new().name(format!("worker-{number}"));
        threads.push(thread.spawn(move || runtime.block_on(work(share, &service, &gate, stage)))?);
    }
    Ok(Workers { stage, threads })
}

/// One worker's sockets.
#[derive(Default)]
struct Share {
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<std::net::TcpListener>,
}

async fn work(share: Share, service: &Arc<Service>, gate: &Arc<tcp::Gate>, mut stage: watch::Receiver<u8>) {
    let mut tasks = tokio::task::JoinSet::new();
    for socket in share.udp {
        let service = Arc::clone(service);
        tasks.spawn(async move { udp::serve(socket, service).await });
    }
    for listener in share.tcp {
        let (service, gate) = (Arc::clone(service), Arc::clone(gate));
        tasks.spawn(async move { tcp::serve(listener, service, gate).await });
    }
    loop {
        tokio::select! {
            changed = stage.wait_for(|stage| *stage > 0) => {
                drop(changed);
                break;
            }
            Some(ended) = tasks.join_next() => {
                if let Ok(Err(why)) = ended {
                    error!("a listener ended: {why}");
                }
            }
        }
    }
    // Ends the receiving tasks; tasks that wait for upstream are not among them and go on.
    tasks.shutdown().await;
    let _ = stage.wait_for(|stage| *stage > 1).await;
}
