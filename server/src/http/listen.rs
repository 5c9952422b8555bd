//! Sockets, TLS, connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Service;
use super::places::{Place, Places};
use crate::config::Listener;
use crate::files;

/// How long connections may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Connections that the system keeps until they are accepted. It may be set up to keep fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// A socket that is bound and does not accept yet.
pub(crate) struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    times: Times,
}

/// How long a connection may be without what it is there for.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// To the end of the headers of a request.
    headers: Duration,
    /// Between requests.
    idle: Duration,
}

/// Binds the socket of `listener`.
///
/// # Errors
/// If the address is taken or no address.
pub(crate) async fn bind(listener: &Listener, tls: Option<TlsAcceptor>) -> io::Result<Bound> {
    let socket = listen(&listener.address).await?;
    let address = socket.local_addr()?;
    let times = Times { headers: listener.http_read_header_timeout, idle: listener.http_idle_timeout };
    Ok(Bound { socket, address, tls, times })
}

/// Listens on the first of the addresses behind `name` that can be had.
async fn listen(name: &str) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in lookup_host(name).await? {
        match listen_on(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again need not wait for the last connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Bound {
    /// The address that it is bound to; the port is a real one.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until `stop`, then lets those that are busy end. It is one of so many `listeners`.
    pub(crate) async fn serve(self, service: Service, listeners: usize, stop: CancellationToken) {
        let connections = GracefulShutdown::new();
        let places = Arc::new(Places::within(files::limit(), listeners));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&places) => match accepted {
                    Ok((permit, stream, peer)) => match places.take(permit, peer.ip()) {
                        Some(place) => self.start(stream, peer, &service, &connections, place),
                        None => tracing::debug!(%peer, "connection closed: its address has too many"),
                    },
                    Err(error) => rest(&error).await,
                },
            }
        }
        drop(self.socket);
        if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
            tracing::warn!("some connections were still busy when the server stopped");
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(&self, places: &Places) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
        let permit = places.free().await.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        // A socket for both families shows an IPv4 address as an IPv6 one, which no network of IPv4 contains.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Ok((permit, stream, peer))
    }

    fn start(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        service: &Service,
        connections: &GracefulShutdown,
        place: Place,
    ) {
        // Small answers must not wait for each other.
        stream.set_nodelay(true).ok();
        let (service, watcher, times) = (service.clone(), connections.watcher(), self.times);
        let acceptor = self.tls.clone();
        tokio::spawn(async move {
            let _place = place;
            let Some(acceptor) = acceptor else {
                return converse(stream, peer, service, watcher, times).await;
            };
            match tokio::time::timeout(times.headers, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, peer, service, watcher, times).await,
                Ok(Err(error)) => tracing::debug!(%peer, "TLS handshake failed: {error}"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            }
        });
    }
}

/// Whether a connection is used.
#[derive(Debug)]
struct Activity {
    /// Requests that are being answered.
    requests: AtomicUsize,
    /// Whether there was any request.
    has_begun: AtomicBool,
    /// When the connection or its last request began or ended.
    since: Mutex<Instant>,
}

impl Activity {
    fn new() -> Self {
        let since = Mutex::new(Instant::now());
        Self { requests: AtomicUsize::new(0), has_begun: AtomicBool::new(false), since }
    }

    fn begin(self: &Arc<Self>) -> Answering {
        self.has_begun.store(true, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// Waits until nothing was asked for too long. The preface of HTTP is read without any limit of its own.
    async fn over(&self, times: Times) {
        loop {
            let limit = if self.has_begun.load(Ordering::Relaxed) { times.idle } else { times.headers * 2 };
            let quiet = self.since.lock().elapsed();
            let is_busy = self.requests.load(Ordering::Relaxed) > 0;
            if !is_busy && quiet >= limit {
                return;
            }
            let rest = if is_busy { limit } else { limit - quiet };
            tokio::time::sleep(rest.max(Duration::from_millis(10))).await;
        }
    }
}

/// A request that is being answered.
struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.since.lock() = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    service: Service,
    watcher: hyper_util::server::graceful::Watcher,
    times: Times,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (service, activity) = (Arc::new(service), Arc::new(Activity::new()));
    let used = Arc::clone(&activity);
    let answer = service_fn(move |request| {
        let (service, answering) = (Arc::clone(&service), used.begin());
        async move {
            let _answering = answering;
            Ok::<_, std::convert::Infallible>(service.answer(request, peer).await)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(times.headers);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(250);
    let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(%peer, "connection ended: {error}");
        },
        () = activity.over(times) => tracing::debug!(%peer, "connection closed: nothing was asked"),
    }
}

/// Waits a little after a failed accept, such as for want of file descriptors.
async fn rest(error: &io::Error) {
    tracing::warn!("cannot accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the system keeps at most, whatever is asked for.
    fn most() -> usize {
        let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
        text.trim().parse().unwrap_or(128)
    }

    #[tokio::test]
    async fn many_connections_wait_to_be_accepted() {
        let socket = listen("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let count = most().min(400);
        let connect = |_| tokio::time::timeout(Duration::from_secs(20), TcpStream::connect(address));
        let connected = futures::future::join_all((0..count).map(connect)).await;
        let connected = connected.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        assert_eq!(connected, count);
    }

    #[tokio::test]
    async fn an_address_that_was_just_given_up_can_be_had_again() {
        let socket = listen("localhost:0").await.expect("a free port");
        let address = socket.local_addr().expect("bound");
        let client = TcpStream::connect(address).await.expect("it listens");
        // Closed here first, so that the connection lingers on the address of the server.
        drop(socket.accept().await.expect("a connection"));
        drop((socket, client));
        listen(&address.to_string()).await.expect("the same address");
        assert!(listen("no-port").await.is_err());
    }
}
