//! `health`: asks a running server how it is, for a container's health check: there need not be `curl` in it.

use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::settings::{Settings, endpoint, reachable};

/// For connecting and for the answer; Docker itself waits longer.
const WAIT: Duration = Duration::from_secs(3);

/// More is no answer of ours.
const MOST: u64 = 1 << 20;

/// Ask a running server how it is: 0 unless a part fails that health.refuse names
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// What to ask [default: /health at the address in the settings]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(args: &HealthArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    let url = args.url.clone().unwrap_or_else(|| format!("http://{}/health", reachable(settings.server.listen)));
    let (status, body) = ask(&url).with_context(|| format!("{url} does not answer"))?;
    writeln!(out, "{body}")?;
    ensure!(status == 200, "{url} answers {status}");
    Ok(())
}

fn ask(url: &str) -> anyhow::Result<(u16, String)> {
    let (host, port) = endpoint(url, ["http", "http"]).map_err(anyhow::Error::msg)?;
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let address = (host.trim_matches(['[', ']']), port).to_socket_addrs()?.next().context("the name has no address")?;
    let deadline = Instant::now() + WAIT;
    let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_write_timeout(Some(WAIT))?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let answer = read_until(&mut stream, deadline)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer is no HTTP")?;
    Ok((status, body.trim().to_owned()))
}

fn read_until(stream: &mut TcpStream, deadline: Instant) -> anyhow::Result<String> {
    let (mut answer, mut some) = (Vec::new(), [0; 8192]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || answer.len() as u64 > MOST {
            bail!("no whole answer within {} s", WAIT.as_secs());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut some)? {
            0 => return Ok(String::from_utf8_lossy(&answer).into_owned()),
            count => answer.extend_from_slice(&some[..count]),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener},
        thread,
    };

    use super::*;

    /// Answers one request with this, and tells what it was.
    fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut some = [0; 1024];
            let count = client.read(&mut some).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&some[..count]).into_owned()
        });
        (address, asked)
    }

    fn run_against(address: SocketAddr, path: &str) -> Result<String, String> {
        let args = HealthArgs { url: Some(format!("http://{address}{path}")) };
        let mut out = Vec::new();
        let done = run(&args, &Settings::default(), &mut out);
        done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_well_server_is_reported_and_anything_else_is_a_failure() {
        let (address, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        assert_eq!(run_against(address, "/livez"), Ok("{}\n".into()));
        assert!(asked.join().unwrap().starts_with("GET /livez HTTP/1.1\r\n"));
        let (address, _asked) = answering("HTTP/1.1 503 Service Unavailable\r\n\r\n{}");
        assert!(run_against(address, "/health").unwrap_err().ends_with("answers 503"));
        let (address, _asked) = answering("hello");
        assert!(run_against(address, "/health").unwrap_err().contains("no HTTP"));
    }

    #[test]
    fn nobody_there_is_a_failure() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(run_against(address, "/health").unwrap_err().contains("does not answer"));
    }

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        assert_eq!(reachable(([0, 0, 0, 0], 8080).into()).to_string(), "127.0.0.1:8080");
        assert_eq!(reachable("[::]:8080".parse().unwrap()).to_string(), "[::1]:8080");
        assert_eq!(reachable(([10, 0, 0, 1], 80).into()).to_string(), "10.0.0.1:80");
    }
}
