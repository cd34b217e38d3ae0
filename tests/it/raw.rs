//! A client that sends bytes as they are: what no decent library sends.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{PATIENCE, TestApp};

impl TestApp {
    /// Sends `bytes` over a connection of their own; everything that comes back until the server closes it.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        exchange(self.addr(), bytes.as_ref(), End::Open).await
    }

    /// As [`TestApp::raw`], and says that nothing more will come.
    pub(crate) async fn raw_ended(&self, bytes: impl AsRef<[u8]>) -> String {
        exchange(self.addr(), bytes.as_ref(), End::Shut).await
    }

    /// A bodyless request with these header lines.
    pub(crate) async fn raw_request(&self, method: &str, path: &str, headers: &[&str]) -> String {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let host = if headers.iter().any(|line| line.starts_with("Host:")) { "" } else { "Host: localhost\r\n" };
        self.raw(format!("{method} {path} HTTP/1.1\r\n{host}{lines}Connection: close\r\n\r\n")).await
    }
}

enum End {
    Open,
    Shut,
}

/// Writes and reads at the same time: a server that answers early stops reading.
async fn exchange(address: SocketAddr, bytes: &[u8], end: End) -> String {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let send = async {
        // The server may have heard enough before the end.
        let _ = write.write_all(bytes).await;
        if matches!(end, End::Shut) {
            let _ = write.shutdown().await;
        }
        write
    };
    let mut all = Vec::new();
    let receive = async {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = read.read(&mut part).await {
            all.extend_from_slice(&part[..length]);
        }
    };
    let both = timeout(PATIENCE, async { tokio::join!(send, receive) }).await;
    assert!(both.is_ok(), "the server neither answers nor closes");
    String::from_utf8_lossy(&all).into_owned()
}

/// The status of the first answer; 0 where the connection was closed without one.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The value of a header of the first answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Short enough for tests, long enough that a decent client on a busy machine meets it.
pub(crate) const IMPATIENCE: Duration = Duration::from_secs(1);
