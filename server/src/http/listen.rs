//! Sockets, TLS, connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Service;
use crate::config::Listener;

/// How long connections may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A socket that is bound and does not accept yet.
pub(crate) struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    header_timeout: Duration,
}

/// Binds the socket of `listener`.
///
/// # Errors
/// If the address is taken or no address.
pub(crate) async fn bind(listener: &Listener, tls: Option<TlsAcceptor>) -> io::Result<Bound> {
    let socket = TcpListener::bind(&listener.address).await?;
    let address = socket.local_addr()?;
    Ok(Bound { socket, address, tls, header_timeout: listener.http_read_header_timeout })
}

impl Bound {
    /// The address that it is bound to; the port is a real one.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until `stop`, then lets those that are busy end.
    pub(crate) async fn serve(self, service: Service, stop: CancellationToken) {
        let connections = GracefulShutdown::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.start(stream, peer, &service, &connections),
                    Err(error) => rest(&error).await,
                },
            }
        }
        drop(self.socket);
        if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
            tracing::warn!("some connections were still busy when the server stopped");
        }
    }

    fn start(&self, stream: TcpStream, peer: SocketAddr, service: &Service, connections: &GracefulShutdown) {
        // Small answers must not wait for each other.
        stream.set_nodelay(true).ok();
        let (service, watcher, limit) = (service.clone(), connections.watcher(), self.header_timeout);
        match self.tls.clone() {
            None => drop(tokio::spawn(converse(stream, peer, service, watcher, limit))),
            Some(acceptor) => drop(tokio::spawn(async move {
                match tokio::time::timeout(limit, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => converse(stream, peer, service, watcher, limit).await,
                    Ok(Err(error)) => tracing::debug!(%peer, "TLS handshake failed: {error}"),
                    Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
                }
            })),
        }
    }
}

async fn converse<S>(
    stream: S,
    peer: SocketAddr,
    service: Service,
    watcher: hyper_util::server::graceful::Watcher,
    header_timeout: Duration,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Arc::new(service);
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(service.answer(request, peer).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(250);
    let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%peer, "connection ended: {error}");
    }
}

/// Waits a little after a failed accept, such as for want of file descriptors.
async fn rest(error: &io::Error) {
    tracing::warn!("cannot accept a connection: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}
