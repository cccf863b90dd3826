//! The threads that answer: one single-threaded runtime each, with sockets of its own on the shared port.
//!
//! The kernel spreads clients over the sockets (SO_REUSEPORT), so a query stays on one core from its first
//! byte to its last and workers share nothing but the snapshot and the cache.
//!
//! What is encrypted has threads of its own. A handshake is computed in one piece, which takes longer than a hundred
//! plain answers, and no task of the same thread can run meanwhile; between threads the kernel shares the core, and
//! gives it to the one that has slept.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::serve::door::Door;
use crate::serve::turn::Turns;
use crate::serve::{Service, Stop};

/// The running threads. Dropping waits until they have ended.
pub(super) struct Workers {
    /// Told first: take nothing new.
    stop: watch::Sender<bool>,
    /// Told last: end.
    end: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    pulse: Option<Pulse>,
    ended: Option<mpsc::Receiver<String>>,
}

/// Asks all workers for a sign of life.
pub(super) struct Pulse {
    asked: watch::Sender<u64>,
    answers: mpsc::Receiver<u64>,
    workers: usize,
}

impl Pulse {
    fn of(workers: usize) -> (Self, watch::Receiver<u64>, mpsc::Sender<u64>) {
        let (asked, ask) = watch::channel(0);
        let (answer, answers) = mpsc::channel(workers.max(1));
        let pulse = Pulse {
            asked,
            answers,
            workers,
        };
        (pulse, ask, answer)
    }

    /// Waits until every worker has answered; for ever where one does not.
    #[cfg_attr(not(feature = "systemd"), allow(dead_code))]
    pub(super) async fn feel(&mut self) {
        let round = *self.asked.borrow() + 1;
        self.asked.send_replace(round);
        let mut left = self.workers;
        while left > 0 {
            match self.answers.recv().await {
                Some(answered) if answered == round => left -= 1,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }
}

impl Workers {
    /// What feels their pulse; once.
    pub(super) fn pulse(&mut self) -> Option<Pulse> {
        self.pulse.take()
    }

    /// Why a listener has ended before it was to stop; once.
    pub(super) fn ended(&mut self) -> Option<mpsc::Receiver<String>> {
        self.ended.take()
    }

    /// Takes no further query; answers under way go out.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
        self.end.send_replace(true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts a worker for each socket of the listeners: their doors, by worker. Its encrypted ones are on a thread
/// beside it.
pub(super) fn start(listeners: Vec<Vec<Vec<Door>>>, service: &Arc<Service>) -> io::Result<Workers> {
    let mut shares: Vec<[Vec<Door>; 2]> = Vec::new();
    for doors in listeners {
        shares.resize_with(shares.len().max(doors.len()), Default::default);
        for ([plain, encrypted], doors) in shares.iter_mut().zip(doors) {
            for door in doors {
                if door.is_encrypted() {
                    &mut *encrypted
                } else {
                    &mut *plain
                }
                .push(door);
            }
        }
    }
    let (stop, stopped) = Stop::new();
    let (end, ended) = Stop::new();
    let mut threads = Vec::with_capacity(shares.len());
    let named = shares
        .into_iter()
        .enumerate()
        .flat_map(|(number, [plain, encrypted])| {
            [
                (format!("worker-{number}"), plain),
                (format!("encrypted-{number}"), encrypted),
            ]
        });
    let named: Vec<_> = named.filter(|(_, share)| !share.is_empty()).collect();
    let (pulse, ask, answer) = Pulse::of(named.len());
    // One that ends is enough to know.
    let (tell, told) = mpsc::channel(1);
    for (name, share) in named {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (service, stop, end) = (Arc::clone(service), stopped.clone(), ended.clone());
        let (ask, answer, tell) = (ask.clone(), answer.clone(), tell.clone());
        let thread = std::thread::Builder::new().name(name);
        threads.push(thread.spawn(move || {
            // Doors stay on their thread, and so may what they hold.
            let tasks = LocalSet::new();
            tasks.spawn_local(beat(ask, answer));
            runtime.block_on(tasks.run_until(work(share, &service, stop, end, tell)));
        })?);
    }
    Ok(Workers {
        stop,
        end,
        threads,
        pulse: Some(pulse),
        ended: Some(told),
    })
}

/// Answers whoever feels the pulse, in turn with everything else that this thread does.
async fn beat(mut ask: watch::Receiver<u64>, answer: mpsc::Sender<u64>) {
    while ask.changed().await.is_ok() {
        let round = *ask.borrow_and_update();
        if answer.send(round).await.is_err() {
            return;
        }
    }
}

async fn work(
    doors: Vec<Door>,
    service: &Arc<Service>,
    mut stop: Stop,
    mut end: Stop,
    tell: mpsc::Sender<String>,
) {
    let mut tasks = tokio::task::JoinSet::new();
    let turns = Arc::new(Turns::default());
    for door in doors {
        let (service, turns, stop) = (Arc::clone(service), Arc::clone(&turns), stop.clone());
        tasks.spawn_local(async move { door.serve(service, turns, stop).await });
    }
    loop {
        tokio::select! {
            () = stop.told() => break,
            Some(ended) = tasks.join_next() => {
                if let Ok(Err(why)) = ended {
                    let _ = tell.try_send(format!("a listener ended: {why}"));
                }
            }
        }
    }
    // Ends the receiving tasks; connections, and tasks that wait for upstream, are not among them and go on.
    tasks.shutdown().await;
    end.told().await;
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;
    use std::task::Poll;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::{connection_limits, rules, snapshot, upstream_limits};
    use super::*;
    use crate::config::{Config, ListenUrl};
    use crate::engine::Engine;
    use crate::serve::bind::Listener;
    use crate::serve::door;
    use crate::serve::gate::Gates;
    use crate::store::Parts;
    use crate::upstream::Upstreams;
    use crate::view::Routing;
    use crate::zone::Itself;

    #[tokio::test]
    async fn a_pulse_is_felt_only_where_every_worker_answers() {
        let (mut pulse, ask, answer) = Pulse::of(2);
        let one = tokio::spawn(beat(ask.clone(), answer.clone()));
        let two = tokio::spawn(beat(ask, answer));
        pulse.feel().await;
        pulse.feel().await;
        two.abort();
        assert!(two.await.unwrap_err().is_cancelled());
        let mut felt = std::pin::pin!(pulse.feel());
        assert_eq!(
            std::future::poll_fn(|cx| Poll::Ready(felt.as_mut().poll(cx))).await,
            Poll::Pending
        );
        // The one that lives has answered, and still that is not enough.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            std::future::poll_fn(|cx| Poll::Ready(felt.as_mut().poll(cx))).await,
            Poll::Pending
        );
        assert!(!one.is_finished());
    }
    /// What is no socket of the Internet cannot be listened on.
    #[tokio::test]
    async fn a_listener_that_cannot_be_used_is_told() {
        let config = Config::with_paths("zones".into(), "state".into(), "control.sock".into());
        let nothing = Parts {
            base: Vec::new(),
            views: Vec::new(),
            generation: 1,
        };
        let engine = Engine::new(
            rules(&config, Vec::new()),
            snapshot(nothing, &Routing::default(), &Itself::default()),
        );
        let upstreams = Upstreams::new(&[], upstream_limits(&config), &Arc::default()).unwrap();
        let service = Arc::new(Service::new(
            Arc::new(engine),
            Arc::new(upstreams),
            Arc::default(),
            Instant::now(),
        ));
        let (limits, traffic) = (connection_limits(&config.tcp), service.traffic());
        let socket = UnixDatagram::unbound().unwrap();
        socket.set_nonblocking(true).unwrap();
        let listener = Listener {
            url: ListenUrl::plain("127.0.0.1:53".parse().unwrap()),
            udp: vec![UdpSocket::from(OwnedFd::from(socket))],
            tcp: Vec::new(),
        };
        let doors = door::of(listener, None, &Gates::new(limits, limits, traffic), &service).unwrap();
        let mut workers = start(vec![doors], &service).unwrap();
        let mut ended = workers.ended().unwrap();
        let told = tokio::time::timeout(Duration::from_secs(60), ended.recv()).await;
        let why = told.expect("it is told").unwrap();
        assert!(why.starts_with("a listener ended: "), "{why}");
    }
}
