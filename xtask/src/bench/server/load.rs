//! A light load generator: one thread, many connections, requests written as bytes.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Who waits longer for an answer gets none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the connections do over and over.
pub(super) trait Work {
    /// Writes request `step` of operation `number` into `out`; `previous` is the body of the answer before it.
    /// False: the operation is over.
    fn request(&self, number: u64, step: usize, previous: &[u8], out: &mut Vec<u8>) -> bool;

    /// Whether `status` is a good answer to that request.
    fn is_expected(&self, _number: u64, _step: usize, status: u16) -> bool {
        (200..=204).contains(&status)
    }
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(super) enum Until {
    /// So many operations were begun.
    Count(u64),
    /// So much time is over.
    Elapsed(Duration),
}

/// What was done.
pub(super) struct Done {
    pub(super) seconds: f64,
    /// Seconds of each operation, sorted.
    pub(super) latencies: Vec<f64>,
}

impl Done {
    pub(super) fn operations(&self) -> f64 {
        self.latencies.len() as f64
    }

    /// Milliseconds that this share of the operations took at most.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies
            .get(place.min(self.latencies.len().saturating_sub(1)))
            .map_or(f64::NAN, |it| it * 1000.0)
    }
}

/// Lets `connections` connections do `work` at the server at `address`, operations numbered from `first`.
///
/// # Errors
/// When a connection breaks, or an answer is not expected.
pub(super) fn run(
    address: &str,
    work: &dyn Work,
    connections: usize,
    until: Until,
    first: u64,
) -> Result<Done, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the load generator: {error}"))?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(connect(address).await.map_err(|error| format!("{address}: {error}"))?);
        }
        let next = std::cell::Cell::new(first);
        let begin = Instant::now();
        let take = || {
            let number = next.replace(next.get() + 1);
            let is_over = match until {
                Until::Count(count) => number - first >= count,
                Until::Elapsed(time) => begin.elapsed() >= time,
            };
            (!is_over).then_some(number)
        };
        let tasks = streams.into_iter().map(|stream| converse(stream, work, &take));
        let latencies = futures::future::try_join_all(tasks).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let mut latencies: Vec<f64> = latencies.into_iter().flatten().collect();
        latencies.sort_by(f64::total_cmp);
        Ok(Done { seconds, latencies })
    })
}

async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn converse(
    stream: TcpStream,
    work: &dyn Work,
    take: &impl Fn() -> Option<u64>,
) -> Result<Vec<f64>, String> {
    let mut connection = Connection { stream, input: Vec::with_capacity(16 * 1024), used: 0 };
    let mut latencies = Vec::new();
    let (mut request, mut body) = (Vec::new(), Vec::new());
    while let Some(number) = take() {
        let begin = Instant::now();
        body.clear();
        for step in 0.. {
            request.clear();
            if !work.request(number, step, &body, &mut request) {
                break;
            }
            let exchanged = tokio::time::timeout(PATIENCE, connection.exchange(&request, &mut body)).await;
            let status = exchanged.map_err(|_| unanswered(&request))?.map_err(|error| error.to_string())?;
            if !work.is_expected(number, step, status) {
                let body = String::from_utf8_lossy(&body);
                return Err(format!("`{}` was answered {status} {body}", first_line(&request)));
            }
        }
        latencies.push(begin.elapsed().as_secs_f64());
    }
    Ok(latencies)
}

fn unanswered(request: &[u8]) -> String {
    format!("`{}` was not answered within {} s", first_line(request), PATIENCE.as_secs())
}

fn first_line(request: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default())
}

/// A keep-alive connection.
struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// Bytes of `input` that belong to earlier answers.
    used: usize,
}

impl Connection {
    /// Sends `request`; leaves the body of the answer in `body`.
    async fn exchange(&mut self, request: &[u8], body: &mut Vec<u8>) -> std::io::Result<u16> {
        self.stream.write_all(request).await?;
        body.clear();
        self.input.drain(..self.used);
        self.used = 0;
        let head = self.find(b"\r\n\r\n", 0).await?;
        let (status, length) = parse_head(&self.input[..head])?;
        self.used = head;
        match length {
            Some(length) => self.take(length, body).await?,
            None => self.take_chunks(body).await?,
        }
        Ok(status)
    }

    async fn take(&mut self, length: usize, body: &mut Vec<u8>) -> std::io::Result<()> {
        while self.input.len() < self.used + length {
            self.fill().await?;
        }
        body.extend_from_slice(&self.input[self.used..self.used + length]);
        self.used += length;
        Ok(())
    }

    async fn take_chunks(&mut self, body: &mut Vec<u8>) -> std::io::Result<()> {
        loop {
            let end = self.find(b"\r\n", self.used).await?;
            let size = std::str::from_utf8(&self.input[self.used..end - 2]).map_err(std::io::Error::other)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            self.used = end;
            self.take(size, body).await?;
            self.used = self.find(b"\r\n", self.used).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Where the first `pattern` after `from` ends.
    async fn find(&mut self, pattern: &[u8], mut from: usize) -> std::io::Result<usize> {
        loop {
            let found = self.input[from..].windows(pattern.len()).position(|window| window == pattern);
            if let Some(place) = found {
                return Ok(from + place + pattern.len());
            }
            from = self.input.len().saturating_sub(pattern.len() - 1).max(from);
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(std::io::Error::other("the server has closed the connection")),
            _ => Ok(()),
        }
    }
}

/// Status, and the length of the body; `None`: it comes in chunks.
fn parse_head(head: &[u8]) -> std::io::Result<(u16, Option<usize>)> {
    let head = std::str::from_utf8(head).map_err(std::io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("no answer of HTTP"))?;
    let mut length = Some(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(std::io::Error::other)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = None;
        }
    }
    Ok((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_tell_status_and_length() {
        let head = |text: &str| parse_head(text.as_bytes()).expect("a head");
        assert_eq!(head("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"), (200, Some(12)));
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n"), (204, Some(0)));
        assert_eq!(head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), (200, None));
    }
}
