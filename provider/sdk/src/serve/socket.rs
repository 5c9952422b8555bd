//! The socket, and the connections to it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::Connected;

/// The longest path a socket can have on every Unix, in bytes.
const PATH_LIMIT: usize = 103;

/// How long a client may take over the TLS handshake.
const TLS_LIMIT: Duration = Duration::from_secs(10);

/// A listening socket in a folder that only this user can enter; the folder goes with it.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    _folder: TempDir,
}

impl Socket {
    /// Listens in the given folder, or the one for temporary files, or `/tmp`: the first where a folder can be
    /// made and the path is not too long.
    pub(crate) fn bind(directory: Option<&Path>) -> io::Result<Socket> {
        let temporary = std::env::temp_dir();
        let directories = directory.into_iter().chain([temporary.as_path(), Path::new("/tmp")]);
        let mut result = Err(io::Error::other("no folder for the socket"));
        for directory in directories {
            result = Socket::bind_in(directory);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn bind_in(directory: &Path) -> io::Result<Socket> {
        let mode = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("plugin").permissions(mode).tempdir_in(directory)?;
        let path = folder.path().join("s");
        if path.as_os_str().len() > PATH_LIMIT {
            return Err(io::Error::other(format!("the path `{}` is too long for a socket", path.display())));
        }
        Ok(Socket { listener: UnixListener::bind(&path)?, path, _folder: folder })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What is done with a connection before it is used.
pub(crate) enum Acceptor {
    /// Nothing.
    Plain,
    /// Both sides prove who they are.
    Tls(TlsAcceptor),
}

/// Takes connections and hands them on until there is nobody to hand them to.
pub(crate) async fn accept(
    socket: Socket,
    acceptor: Acceptor,
    connections: Arc<Connections>,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let acceptor = Arc::new(acceptor);
    while !sender.is_closed() {
        // A failure to accept is one of resources: wait for some.
        let Ok((stream, _)) = socket.listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        let guard = connections.opened();
        tokio::spawn(async move {
            match greet(stream, &acceptor).await {
                // Nobody takes it any more when the session has ended.
                Ok(stream) => drop(sender.send(Ok(Connection { stream, _guard: guard })).await),
                Err(error) => tracing::warn!("a connection was refused: {error}"),
            }
        });
    }
}

async fn greet(stream: UnixStream, acceptor: &Acceptor) -> io::Result<Pin<Box<dyn Stream>>> {
    match acceptor {
        Acceptor::Plain => Ok(Box::pin(stream)),
        Acceptor::Tls(acceptor) => Ok(Box::pin(timeout(TLS_LIMIT, acceptor.accept(stream)).await??)),
    }
}

/// How many connections are open, and were ever.
#[derive(Default)]
pub(crate) struct Connections {
    open: AtomicUsize,
    ever: AtomicUsize,
}

impl Connections {
    pub(super) fn opened(self: &Arc<Connections>) -> Guard {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.ever.fetch_add(1, Ordering::Relaxed);
        Guard(self.clone())
    }

    /// Whether there was a connection and there is none.
    pub(crate) fn all_closed(&self) -> bool {
        self.ever.load(Ordering::Relaxed) > 0 && self.open.load(Ordering::Relaxed) == 0
    }

    /// How many there ever were.
    pub(crate) fn ever(&self) -> usize {
        self.ever.load(Ordering::Relaxed)
    }
}

/// Counts as an open connection as long as it lives.
pub(super) struct Guard(Arc<Connections>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A connection ready to be used.
pub(crate) struct Connection {
    stream: Pin<Box<dyn Stream>>,
    _guard: Guard,
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_user_reaches_the_socket_and_it_goes_with_its_folder() {
        let socket = Socket::bind(None).expect("a socket");
        let folder = socket.path().parent().expect("a folder").to_owned();
        let mode = folder.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(socket);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn a_folder_with_a_long_name_is_passed_over() {
        let parent = TempDir::new().expect("a folder");
        let long = parent.path().join("x".repeat(120));
        std::fs::create_dir(&long).expect("a folder");
        let socket = Socket::bind(Some(&long)).expect("a socket elsewhere");
        assert!(!socket.path().starts_with(&long));
        assert_eq!(long.read_dir().expect("it is there").count(), 0);
    }

    #[test]
    fn connections_are_counted_until_they_go() {
        let connections = Arc::new(Connections::default());
        assert!(!connections.all_closed(), "there was none yet");
        let (first, second) = (connections.opened(), connections.opened());
        drop(first);
        assert!(!connections.all_closed());
        drop(second);
        assert!(connections.all_closed());
    }
}
