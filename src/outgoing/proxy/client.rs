//! Connections to the platform through a proxy: a tunnel, with the platform's TLS inside, for calls and WebSockets alike.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use actix_tls::connect::{ConnectError as TcpError, ConnectInfo, Connection};
use awc::http::Uri;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, lookup_host},
};

use super::{Kind, Login, Proxy};
use crate::outgoing::address::{self, Network};

/// Of what an HTTP proxy says before the tunnel.
const HEAD: usize = 8 << 10;

/// Opens a line to where `info` says, through the proxy. A proxy on this machine or in its network may be used where `allow` has it.
pub async fn tunnel(
    proxy: Rc<Proxy>,
    allow: Rc<[Network]>,
    info: ConnectInfo<Uri>,
) -> Result<Connection<Uri, TcpStream>, TcpError> {
    let uri = info.request().clone();
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("https" | "wss") => 443,
        _ => 80,
    });
    let opened = open(&proxy, &allow, &host, port).await;
    let line = opened.map_err(|error| TcpError::Io(io::Error::new(error.kind(), format!("the proxy: {error}"))))?;
    Ok(Connection::new(uri, line))
}

async fn open(proxy: &Proxy, allow: &[Network], host: &str, port: u16) -> io::Result<TcpStream> {
    let mut line = reach(proxy, allow).await?;
    line.set_nodelay(true)?;
    match proxy.kind {
        Kind::Http => connect(&mut line, proxy.login.as_ref(), host, port).await?,
        Kind::Socks5 => socks5(&mut line, proxy.login.as_ref(), host, port).await?,
    }
    Ok(line)
}

/// Connects to an address that was judged: nobody reaches through us what they could not reach otherwise.
async fn reach(proxy: &Proxy, allow: &[Network]) -> io::Result<TcpStream> {
    let found: Vec<SocketAddr> = match proxy.host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, proxy.port)],
        Err(_) => lookup_host((proxy.host.as_str(), proxy.port)).await?.collect(),
    };
    let may: Vec<SocketAddr> =
        found.iter().copied().filter(|found| address::may_be_reached(found.ip(), allow)).collect();
    match (may.is_empty(), found.first()) {
        (false, _) => TcpStream::connect(&*may).await,
        (true, Some(found)) => Err(refused(format!(
            "its address {} is not on the public internet: the administrator can allow it in the setting outgoing.allow",
            found.ip()
        ))),
        (true, None) => Err(refused("its name is not known")),
    }
}

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why.into())
}

async fn connect(line: &mut TcpStream, login: Option<&Login>, host: &str, port: u16) -> io::Result<()> {
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
    if let Some(Login { name, password }) = login {
        let login = BASE64_STANDARD.encode(format!("{name}:{password}"));
        head.push_str(&format!("Proxy-Authorization: Basic {login}\r\n"));
    }
    head.push_str("\r\n");
    line.write_all(head.as_bytes()).await?;
    let answer = read_head(line).await?;
    let status = answer.split_ascii_whitespace().nth(1).unwrap_or_default();
    match status {
        "200" => Ok(()),
        "407" => Err(refused("it wants another name and password")),
        _ => Err(refused(format!("it answered {}", if status.is_empty() { "nothing that is HTTP" } else { status }))),
    }
}

/// Byte by byte: what follows the head belongs to whoever is behind the tunnel.
async fn read_head(line: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return Err(refused("its answer is too long"));
        }
        head.push(line.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    if text.starts_with("HTTP/1.") { Ok(text) } else { Ok(String::new()) }
}

/// RFC 1928, with names and passwords of RFC 1929. The proxy looks the name up.
async fn socks5(line: &mut TcpStream, login: Option<&Login>, host: &str, port: u16) -> io::Result<()> {
    const VERSION: u8 = 5;
    const OPEN: u8 = 0;
    const BY_PASSWORD: u8 = 2;
    let offer: &[u8] = if login.is_some() { &[VERSION, 2, OPEN, BY_PASSWORD] } else { &[VERSION, 1, OPEN] };
    line.write_all(offer).await?;
    let mut chosen = [0; 2];
    line.read_exact(&mut chosen).await?;
    match (chosen, login) {
        ([VERSION, OPEN], _) => {}
        ([VERSION, BY_PASSWORD], Some(login)) => log_in(line, login).await?,
        ([VERSION, _], _) => return Err(refused("it wants a name and a password")),
        _ => return Err(refused("it does not speak SOCKS5")),
    }
    line.write_all(&request(VERSION, host, port)).await?;
    let mut head = [0; 4];
    line.read_exact(&mut head).await?;
    if head[0] != VERSION {
        return Err(refused("it does not speak SOCKS5"));
    }
    if head[1] != 0 {
        return Err(refused(reply(head[1])));
    }
    // The address it speaks from; of no use to us.
    let rest = match head[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(line.read_u8().await?),
    };
    let mut bound = vec![0; rest + 2];
    line.read_exact(&mut bound).await.map(drop)
}

fn request(version: u8, host: &str, port: u16) -> Vec<u8> {
    let mut request = vec![version, 1, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.push(3);
            field(&mut request, host);
        }
    }
    request.extend(port.to_be_bytes());
    request
}

async fn log_in(line: &mut TcpStream, Login { name, password }: &Login) -> io::Result<()> {
    let mut request = vec![1];
    field(&mut request, name);
    field(&mut request, password);
    line.write_all(&request).await?;
    let mut answer = [0; 2];
    line.read_exact(&mut answer).await?;
    if answer[1] == 0 { Ok(()) } else { Err(refused("it wants another name and password")) }
}

/// With its length in one byte, which it was made to fit in.
fn field(request: &mut Vec<u8>, text: &str) {
    let text = &text.as_bytes()[..text.len().min(usize::from(u8::MAX))];
    request.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    request.extend(text);
}

fn reply(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow the connection",
        3 => "it cannot reach the network",
        4 => "it cannot reach the host",
        5 => "the host refused the connection",
        6 => "the connection took too long",
        _ => "it failed",
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
