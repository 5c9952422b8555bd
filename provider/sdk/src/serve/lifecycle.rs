//! When the process ends.

use std::io;
use std::os::unix::process::parent_id;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OnceCell, watch};
use tokio::time::{sleep, timeout};

use super::socket::Connections;
use crate::Provider;

/// How long the provider may take over its farewell.
const FAREWELL: Duration = Duration::from_secs(10);

/// How often it is looked whether the host is still there.
const TICK: Duration = Duration::from_secs(1);

/// For how many ticks there may be no connection after the last has closed.
const GRACE: u32 = 5;

/// One provider, served to one host.
pub(crate) struct Session<P> {
    provider: P,
    connections: Arc<Connections>,
    farewell: OnceCell<()>,
    ended: watch::Sender<bool>,
}

impl<P: Provider> Session<P> {
    pub(crate) fn new(provider: P) -> Arc<Session<P>> {
        Arc::new(Session {
            provider,
            connections: Arc::default(),
            farewell: OnceCell::new(),
            ended: watch::Sender::new(false),
        })
    }

    pub(crate) fn provider(&self) -> &P {
        &self.provider
    }

    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Lets the provider say farewell, once and not for ever, then ends the session. Whoever asks again waits
    /// with the first.
    pub(crate) async fn end(&self) {
        self.farewell.get_or_init(|| self.say_farewell()).await;
        self.ended.send_replace(true);
    }

    async fn say_farewell(&self) {
        let farewell = AssertUnwindSafe(self.provider.shutdown()).catch_unwind();
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("the provider did not finish within {} seconds", FAREWELL.as_secs());
        }
    }

    /// Returns when the session has ended.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<P> {
        let mut ended = self.ended.subscribe();
        async move {
            // An error means that the session itself is gone.
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

/// The signals that are listened for, from before the host knows of the process: a signal before that would end
/// it as signals do, and leave the socket behind.
pub(crate) struct Signals {
    terminate: Signal,
    /// Ctrl-C reaches the provider with its host. That is the host's business, which then asks the provider to
    /// stop; so it is listened for, and nothing done.
    _interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            _interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Ends the session when it is told to, or the host has gone.
pub(crate) async fn watch<P: Provider>(session: Arc<Session<P>>, mut signals: Signals) {
    tokio::select! {
        _ = signals.terminate.recv() => {}
        () = host_gone(session.connections(), parent_id, || sleep(TICK)) => {}
    }
    session.end().await;
}

/// Returns when the parent process is another one, or the last connection has been closed for a while. A host
/// that is killed tells nobody.
async fn host_gone(connections: &Connections, parent: impl Fn() -> u32, tick: impl AsyncFn()) {
    let host = parent();
    let (mut idle, mut seen) = (0, 0);
    while parent() == host && idle < GRACE {
        tick().await;
        let quiet = connections.all_closed() && connections.ever() == seen;
        idle = if quiet { idle + 1 } else { 0 };
        seen = connections.ever();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// After how many ticks the host counts as gone, `at_tick` doing what it likes on the way.
    async fn ticks(connections: &Connections, parent: impl Fn() -> u32, at_tick: impl Fn(u32)) -> u32 {
        let count = Cell::new(0);
        let tick = async || {
            count.set(count.get() + 1);
            at_tick(count.get());
        };
        host_gone(connections, parent, tick).await;
        count.get()
    }

    #[tokio::test]
    async fn a_new_parent_ends_it_at_once() {
        let parent = Cell::new(7);
        let orphaned = |tick| {
            if tick == 3 {
                parent.set(1)
            }
        };
        assert_eq!(ticks(&Connections::default(), || parent.get(), orphaned).await, 3);
    }

    #[tokio::test]
    async fn the_last_connection_ends_it_after_a_while() {
        let connections = Arc::new(Connections::default());
        let held = Cell::new(Some(connections.opened()));
        let close = |tick| {
            if tick == 10 {
                held.set(None)
            }
        };
        assert_eq!(ticks(&connections, || 7, close).await, 9 + GRACE);
    }

    #[tokio::test]
    async fn a_connection_in_between_starts_the_wait_anew() {
        let connections = Arc::new(Connections::default());
        drop(connections.opened());
        let again = |tick| {
            if tick == 4 {
                drop(connections.opened())
            }
        };
        assert_eq!(ticks(&connections, || 7, again).await, 4 + GRACE);
    }
}
