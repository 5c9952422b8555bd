//! A proxy that counts the requests that pass.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What ends every request line.
const VERSION: &[u8] = b" HTTP/1.1\r\n";

/// A running proxy; its threads end with the process.
pub(super) struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy before the server at `address`.
    ///
    /// # Errors
    /// When there is no free port.
    pub(super) fn before(address: &str) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("the proxy: {error}"))?;
        let own = listener.local_addr().map_err(|error| format!("the proxy: {error}"))?;
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, address) = (Arc::clone(&requests), address.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be made is the client's to report.
                let _ = join(client, &address, &counted);
            }
        });
        Ok(Self { url: format!("http://{own}"), requests })
    }

    /// Requests since the last call.
    pub(super) fn take(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

fn join(client: TcpStream, address: &str, requests: &Arc<AtomicUsize>) -> std::io::Result<()> {
    let server = TcpStream::connect(address)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, to_client) = (client.try_clone()?, client);
    let (from_server, to_server) = (server.try_clone()?, server);
    let requests = Arc::clone(requests);
    std::thread::spawn(move || {
        pass(from_client, to_server, |bytes| {
            requests.fetch_add(
                bytes.windows(VERSION.len()).filter(|window| *window == VERSION).count(),
                Ordering::SeqCst,
            );
        })
    });
    std::thread::spawn(move || pass(from_server, to_client, |_| {}));
    Ok(())
}

/// Passes bytes on until either side closes.
fn pass(mut from: TcpStream, mut to: TcpStream, see: impl Fn(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(size @ 1..) = from.read(&mut buffer) {
        see(&buffer[..size]);
        if to.write_all(&buffer[..size]).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown(std::net::Shutdown::Both);
}
