//! Clients of DNS over QUIC and of HTTP/3 that mean no good, or that only stay.

use std::net::{Ipv4Addr, UdpSocket};

use futures_util::FutureExt as _;
use hearthdns::config::limits;

use super::support::DEADLINE;
use super::support::client::{framed, sound_reply};
use super::{NAME, client, descriptors, memory, query, started, stat, throughout, wait_until};

/// The first packets of so many handshakes, as a client sends them, caught before anybody answers.
fn first_packets(count: usize) -> Vec<Vec<u8>> {
    let trap = UdpSocket::bind("127.0.0.1:0").unwrap();
    trap.set_read_timeout(Some(DEADLINE)).unwrap();
    let to = trap.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"doq".to_vec()];
    let config = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(std::sync::Arc::new(config));
    let mut packets = Vec::new();
    let mut buffer = vec![0; 2048];
    while packets.len() < count {
        let packet = runtime.block_on(async {
            let endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let _connecting = endpoint.connect_with(config.clone(), to, NAME).unwrap();
            // The packet leaves when the runtime turns.
            let from = endpoint.local_addr().unwrap();
            loop {
                tokio::task::yield_now().await;
                trap.set_nonblocking(true).unwrap();
                match trap.recv_from(&mut buffer) {
                    // Others may be late ones of the handshake before.
                    Ok((len, sender)) if sender == from => break buffer[..len].to_vec(),
                    _ => {}
                }
            }
        });
        packets.push(packet);
    }
    packets
}

#[test]
fn handshakes_of_quic_that_are_left_behind_take_no_more_than_their_places() {
    let (house, daemon, asker) = started(
        &["quic://127.0.0.1:0"],
        "encrypted: {connections: 40, per_client: 5}\n",
    );
    let addr = daemon.encrypted("quic");
    let before = descriptors(&daemon);
    let packets = first_packets(300);
    throughout("abandoned handshakes of QUIC", &daemon, || {
        let counted = || {
            let events = ["accepted", "full", "client-full", "retry"];
            events
                .map(|event| stat(&house, "quic", event))
                .iter()
                .sum::<usize>()
        };
        // As many at a time as the socket's buffer holds for certain.
        for (batch, packets) in packets.chunks(20).enumerate() {
            for (n, packet) in packets.iter().enumerate() {
                let socket = UdpSocket::bind((client(batch * 20 + n), 0)).unwrap();
                socket.send_to(packet, addr).unwrap();
            }
            wait_until("all are counted", || counted() >= batch * 20 + packets.len());
        }
        // Made-up senders take half of the places at most; who proves the address has the others.
        let [open, retry] = ["open", "retry"].map(|word| stat(&house, "quic", word));
        assert!(open <= 20 && retry >= 280, "{open} open, {retry} asked for proof");
        let reply = asker.doq(addr, &[query().encode()]).unwrap();
        assert_eq!(sound_reply(&query(), &reply[0]).answers.len(), 1);
        wait_until("every place is free again", || stat(&house, "quic", "open") == 0);
    });
    assert!(stat(&house, "quic", "handshake-late") >= 20);
    assert!(
        descriptors(&daemon) <= before + 10,
        "connections of QUIC have no descriptors"
    );
}

#[test]
fn streams_of_quic_that_are_half_open_are_reset_and_delay_nobody() {
    let (house, daemon, asker) = started(&["quic://127.0.0.1:0"], "");
    let addr = daemon.encrypted("quic");
    throughout("half-open streams", &daemon, || {
        let resets = asker.quic(addr, "doq", |connection| async move {
            let mut halves = Vec::new();
            for _ in 0..31 {
                let (mut send, receive) = connection.open_bi().await.unwrap();
                send.write_all(&[0]).await.unwrap();
                halves.push((send, receive));
            }
            // On the same connection, beside them.
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_all(&framed(&query().encode())).await.unwrap();
            send.finish().unwrap();
            let reply = receive.read_to_end(70_000).await.unwrap();
            assert_eq!(sound_reply(&query(), &reply[2..]).answers.len(), 1);
            let mut resets = Vec::new();
            for (_, mut receive) in halves {
                resets.push(format!("{:?}", receive.read_to_end(70_000).await.unwrap_err()));
            }
            Ok(resets)
        });
        assert_eq!(resets.unwrap(), vec!["Read(Reset(4))"; 31], "DOQ_EXCESSIVE_LOAD");
        assert_eq!(stat(&house, "quic", "request-late"), 31);
    });
}

#[test]
fn a_frame_of_http_3_that_says_it_is_huge_is_not_held() {
    let (house, daemon, asker) = started(&["h3://127.0.0.1:0"], "");
    let addr = daemon.encrypted("h3");
    let before = memory(&daemon);
    throughout("a frame of 1 GiB", &daemon, || {
        let taken = asker.quic(addr, "h3", |connection| async move {
            // A control stream with empty settings, then a request whose fields have no end.
            let mut control = connection.open_uni().await.unwrap();
            control.write_all(&[0, 4, 0]).await.unwrap();
            let (mut send, _receive) = connection.open_bi().await.unwrap();
            send.write_all(&[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await.unwrap();
            let mut taken = 0;
            while taken < 64 << 20 && send.write_all(&[0; 4096]).await.is_ok() {
                taken += 4096;
            }
            Ok(taken)
        });
        let taken = taken.unwrap();
        println!("a frame of 1 GiB: {taken} bytes were sent");
        assert!(taken < 1 << 20, "{taken} bytes");
        assert_eq!(stat(&house, "h3", "bad-request"), 1);
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
    let request = http::Request::get(format!("https://{NAME}/nothing"))
        .body(Vec::new())
        .unwrap();
    assert_eq!(asker.http3(addr, request).unwrap().status, 404);
}

/// Whether something is there at once: who may open a stream need not wait for anybody.
fn at_once<T, E: std::fmt::Debug>(opening: impl Future<Output = Result<T, E>>) -> Option<T> {
    opening.now_or_never().map(Result::unwrap)
}

#[test]
fn streams_are_no_more_than_queries_may_be_under_way_and_one_way_streams_are_for_http_3() {
    let (house, daemon, asker) = started(
        &["quic://127.0.0.1:0", "h3://127.0.0.1:0"],
        "encrypted: {pipeline: 4}\n",
    );
    for (transport, protocol, request, one_way) in [
        // RFC 9250, 4.2: queries are all there is.
        ("quic", "doq", framed(&query().encode()), 0),
        ("h3", "h3", HEAD_OF_GET.to_vec(), limits::H3_UNI_STREAMS.default),
    ] {
        let done = asker.quic(daemon.encrypted(transport), protocol, |connection| async move {
            let mut one_way_streams = Vec::new();
            while let Some(stream) = at_once(connection.open_uni()) {
                one_way_streams.push(stream);
            }
            assert_eq!(one_way_streams.len() as u64, one_way, "{protocol}");
            let mut streams: Vec<_> = (0..4).filter_map(|_| at_once(connection.open_bi())).collect();
            assert_eq!(streams.len(), 4, "{protocol}");
            assert!(at_once(connection.open_bi()).is_none(), "{protocol}");
            // The place of one that has ended is for another.
            let (mut send, mut receive) = streams.remove(0);
            send.write_all(&request).await.unwrap();
            send.finish().unwrap();
            assert!(!receive.read_to_end(70_000).await.unwrap().is_empty());
            streams.push(connection.open_bi().await.unwrap());
            assert!(at_once(connection.open_bi()).is_none(), "{protocol}");
            Ok(())
        });
        done.unwrap();
        assert_eq!(stat(&house, transport, "accepted"), 1);
    }
}

#[test]
fn who_only_keeps_a_connection_alive_loses_it() {
    let (house, daemon, asker) = started(
        &["quic://127.0.0.1:0", "h3://127.0.0.1:0"],
        "encrypted: {idle_seconds: 1}\n",
    );
    for (transport, protocol, request, no_error) in [
        ("quic", "doq", framed(&query().encode()), 0),
        ("h3", "h3", HEAD_OF_GET.to_vec(), 0x100),
    ] {
        for asks in [false, true] {
            let closed = asker.quic_kept_alive(daemon.encrypted(transport), protocol, |connection| {
                let request = &request;
                async move {
                    if asks {
                        let (mut send, mut receive) = connection.open_bi().await.unwrap();
                        send.write_all(request).await.unwrap();
                        send.finish().unwrap();
                        assert!(!receive.read_to_end(70_000).await.unwrap().is_empty());
                    }
                    Ok(connection.closed().await)
                }
            });
            match closed.unwrap() {
                quinn::ConnectionError::ApplicationClosed(close) => {
                    assert_eq!(close.error_code.into_inner(), no_error, "{protocol}");
                }
                other => panic!("{protocol}: {other}"),
            }
            wait_until("its place is free", || stat(&house, transport, "open") == 0);
        }
        assert_eq!(stat(&house, transport, "idle"), 2, "{transport}");
    }
}

/// The head of `GET https://dns.example/` in a frame of HTTP/3, in QPACK (RFC 9204, appendix A) with nothing indexed anew.
const HEAD_OF_GET: &[u8] = b"\x01\x12\0\0\xd1\xd7\xc1\x50\x0bdns.example";
/// The head of a POST to `/dns-query` whose body is still to come.
const HEAD_OF_POST: &[u8] = b"\x01\x1e\0\0\xd4\xd7\x51\x0a/dns-query\x50\x0bdns.example\xec";

#[test]
fn requests_of_http_3_that_stand_still_have_their_time_and_delay_nobody() {
    let (house, daemon, asker) = started(&["h3://127.0.0.1:0"], "encrypted: {idle_seconds: 600}\n");
    throughout("half requests of HTTP/3", &daemon, || {
        let ended = asker.quic_kept_alive(daemon.encrypted("h3"), "h3", |connection| async move {
            let mut halves = Vec::new();
            for sent in [&HEAD_OF_GET[..7], HEAD_OF_POST] {
                let (mut send, receive) = connection.open_bi().await.unwrap();
                send.write_all(sent).await.unwrap();
                halves.push((send, receive));
            }
            // On the same connection, beside them.
            let (mut send, mut receive) = connection.open_bi().await.unwrap();
            send.write_all(HEAD_OF_GET).await.unwrap();
            send.finish().unwrap();
            assert!(!receive.read_to_end(70_000).await.unwrap().is_empty());
            let mut ended = Vec::new();
            for (_send, mut receive) in halves {
                ended.push(receive.read_to_end(70_000).await);
            }
            Ok(ended)
        });
        let [head, body] = <[_; 2]>::try_from(ended.unwrap()).unwrap();
        // H3_REQUEST_CANCELLED (RFC 9114, 8.1): without fields there is no response that could say why.
        assert_eq!(format!("{:?}", head.unwrap_err()), "Read(Reset(268))");
        let body = String::from_utf8_lossy(&body.unwrap()).into_owned();
        assert!(body.ends_with("the request did not arrive in time\n"), "{body:?}");
        assert_eq!(stat(&house, "h3", "request-late"), 2);
    });
}

#[test]
fn who_takes_not_even_the_settings_of_http_3_is_not_waited_for() {
    let (house, daemon, asker) = started(&["h3://127.0.0.1:0"], "encrypted: {idle_seconds: 600}\n");
    let why = asker.quic_taking(daemon.encrypted("h3"), "h3", 20, |connection| async move {
        Ok(connection.closed().await)
    });
    match why.unwrap() {
        // H3_EXCESSIVE_LOAD
        quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(close.error_code.into_inner(), 0x107),
        other => panic!("{other}"),
    }
    assert_eq!(stat(&house, "h3", "request-late"), 1);
}

#[test]
fn a_connection_of_http_3_ends_after_so_many_requests() {
    let (house, daemon, asker) = started(&["h3://127.0.0.1:0"], "encrypted: {pipeline: 256}\n");
    let done = asker.quic(daemon.encrypted("h3"), "h3", |connection| async move {
        let mut opened = 0;
        // Each is a stream that ends before it has begun, which h3 remembers.
        while let Ok((mut send, mut receive)) = connection.open_bi().await {
            send.finish().ok();
            receive.stop(0u32.into()).ok();
            opened += 1;
        }
        Ok((opened, connection.closed().await))
    });
    let (opened, why) = done.unwrap();
    let bound = limits::H3_REQUESTS.default;
    let more = bound..=bound + 256;
    assert!(more.contains(&opened), "{opened} requests");
    match why {
        quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(close.error_code.into_inner(), 0x100),
        other => panic!("{other}"),
    }
    wait_until("its place is free", || stat(&house, "h3", "open") == 0);
    assert_eq!(stat(&house, "h3", "too-many"), 1);
}

#[test]
fn half_a_reply_that_nobody_takes_does_not_look_like_a_whole_one() {
    let (house, daemon, asker) = started(
        &["quic://127.0.0.1:0", "h3://127.0.0.1:0"],
        "encrypted: {idle_seconds: 1}\n",
    );
    // Its reply has 468 bytes (RFC 8467, 4.1), and 300 are taken before somebody reads.
    let mut padded = query();
    padded.edns.as_mut().unwrap().options.push((12, vec![0; 20]));
    let bytes = padded.encode();
    let data = [0, 0x40, u8::try_from(bytes.len()).unwrap()];
    for (transport, protocol, request, code) in [
        ("quic", "doq", framed(&bytes), 4),
        ("h3", "h3", [HEAD_OF_POST, &data, &bytes].concat(), 0x10c),
    ] {
        let reset = asker.quic_taking(
            daemon.encrypted(transport),
            protocol,
            300,
            |connection| async move {
                let (mut send, mut receive) = connection.open_bi().await.unwrap();
                send.write_all(&request).await.unwrap();
                send.finish().unwrap();
                receive.received_reset().await.map_err(|error| error.to_string())
            },
        );
        assert_eq!(reset, Ok(Some(quinn::VarInt::from_u32(code))), "{protocol}");
        assert_eq!(stat(&house, transport, "not-taken"), 1, "{protocol}");
    }
}

#[test]
fn one_way_streams_of_http_3_end_after_so_many_bytes() {
    let (house, daemon, asker) = started(&["h3://127.0.0.1:0"], "");
    let before = memory(&daemon);
    throughout("one-way streams without end", &daemon, || {
        for begin in [
            // A control stream with empty settings, and a frame that nobody knows and that is 1 GiB long.
            &[0, 4, 0, 0x21, 0xc0, 0, 0, 0, 0x40, 0, 0, 0][..],
            // A stream of a kind that nobody knows (RFC 9114, 6.2.3), which is stopped and no error.
            &[0x21],
        ] {
            let ended = asker.quic(daemon.encrypted("h3"), "h3", |connection| async move {
                let mut stream = connection.open_uni().await.unwrap();
                stream.write_all(begin).await.unwrap();
                let mut taken = 0;
                let why = loop {
                    match stream.write_all(&[0; 4096]).await {
                        Ok(()) if taken < 64 << 20 => taken += 4096,
                        Ok(()) => break "nothing".to_owned(),
                        Err(error) => break error.to_string(),
                    }
                };
                Ok((taken, why))
            });
            let (taken, why) = ended.unwrap();
            println!("a one-way stream without end: {taken} bytes were sent, then {why}");
            assert!(taken < 1 << 20, "{taken} bytes, then {why}");
            wait_until("its place is free", || stat(&house, "h3", "open") == 0);
            assert_eq!(stat(&house, "h3", "bad-request"), 1);
        }
    });
    let after = memory(&daemon);
    assert!(
        after < before + 8 * 1024,
        "{before} KiB before, {after} KiB after"
    );
}
