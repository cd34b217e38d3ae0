//! Against proxies over TCP that are as plain as can be.
#![allow(clippy::unwrap_used)]

use std::{net::Ipv4Addr, time::Duration};

use actix_service::fn_service;
use actix_web::{App, HttpRequest, HttpServer, rt, web};
use tokio::{io::copy_bidirectional, net::TcpListener};

use super::*;
use crate::platform::mtop::client::http_client_over;

const WAIT: Duration = Duration::from_secs(10);

fn local() -> Vec<Network> {
    vec!["127.0.0.0/8".parse().unwrap()]
}

/// A server that says which host was asked for.
fn server() -> SocketAddr {
    let app = || {
        App::new()
            .default_service(web::to(|request: HttpRequest| async move { request.connection_info().host().to_owned() }))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = server.addrs()[0];
    rt::spawn(server.run());
    address
}

/// Lets everything through to `to`, whatever host was asked for, once `greet` is content. What it heard comes back.
async fn proxy<F>(to: SocketAddr, greet: impl Fn(TcpStream) -> F + 'static) -> u16
where
    F: Future<Output = Option<TcpStream>> + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    rt::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Some(mut client) = greet(client).await {
                let mut behind = TcpStream::connect(to).await.unwrap();
                rt::spawn(async move { copy_bidirectional(&mut client, &mut behind).await.ok() });
            }
        }
    });
    port
}

/// An HTTP proxy that wants this `Proxy-Authorization`.
async fn http_proxy(to: SocketAddr, wanted: &'static str) -> u16 {
    proxy(to, move |mut client| async move {
        let head = {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.ok()?);
            }
            String::from_utf8(head).unwrap()
        };
        let is_right = head.starts_with("CONNECT platform.example.invalid:80 HTTP/1.1\r\n") && head.contains(wanted);
        let answer = if is_right { "HTTP/1.1 200 Connection established\r\n\r\n" } else { "HTTP/1.1 407 No\r\n\r\n" };
        client.write_all(answer.as_bytes()).await.ok()?;
        is_right.then_some(client)
    })
    .await
}

/// A SOCKS5 proxy that wants name `seller` and this password.
async fn socks_proxy(to: SocketAddr, password: &'static str) -> u16 {
    proxy(to, move |mut client| async move {
        let mut offer = [0; 4];
        client.read_exact(&mut offer).await.ok()?;
        assert_eq!(offer, [5, 2, 0, 2]);
        client.write_all(&[5, 2]).await.ok()?;
        let mut login = vec![0; 3 + "seller".len() + password.len()];
        client.read_exact(&mut login).await.ok()?;
        let is_right = login.ends_with(password.as_bytes());
        client.write_all(&[1, u8::from(!is_right)]).await.ok()?;
        if !is_right {
            return None;
        }
        let mut request = vec![0; 5 + "platform.example.invalid".len() + 2];
        client.read_exact(&mut request).await.ok()?;
        assert_eq!((&request[..4], &request[request.len() - 2..]), (&[5, 1, 0, 3][..], &[0, 80][..]));
        assert_eq!(&request[5..request.len() - 2], b"platform.example.invalid");
        client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await.ok()?;
        Some(client)
    })
    .await
}

async fn ask(proxy: &str, allow: Vec<Network>) -> Result<String, String> {
    let (proxy, allow) = (Rc::new(Proxy::parse(proxy).unwrap()), Rc::<[Network]>::from(allow));
    let client = http_client_over(WAIT, fn_service(move |info| tunnel(Rc::clone(&proxy), Rc::clone(&allow), info)));
    let mut answer = client.get("http://platform.example.invalid/").send().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap())
}

#[actix_web::test]
async fn an_http_proxy_tunnels_to_a_name_that_only_it_knows() {
    // seller:geheim
    let port = http_proxy(server(), "Proxy-Authorization: Basic c2VsbGVyOmdlaGVpbQ==").await;
    let through = ask(&format!("http://seller:geheim@127.0.0.1:{port}"), local()).await;
    assert_eq!(through.unwrap(), "platform.example.invalid");
    let refused = ask(&format!("http://seller:falsch@127.0.0.1:{port}"), local()).await.unwrap_err();
    assert!(refused.contains("name and password") && !refused.contains("falsch"), "{refused}");
}

#[actix_web::test]
async fn a_socks5_proxy_looks_the_name_up_itself() {
    let port = socks_proxy(server(), "geheim").await;
    let through = ask(&format!("socks5://seller:geheim@127.0.0.1:{port}"), local()).await;
    assert_eq!(through.unwrap(), "platform.example.invalid");
    let refused = ask(&format!("socks5://seller:falsch@127.0.0.1:{port}"), local()).await.unwrap_err();
    assert!(refused.contains("name and password") && !refused.contains("falsch"), "{refused}");
}

/// A seller could otherwise have us knock at every door of this machine's network.
#[actix_web::test]
async fn a_proxy_inside_is_refused_unless_it_is_allowed() {
    let refused = ask("http://127.0.0.1:1", Vec::new()).await.unwrap_err();
    assert!(refused.contains("outgoing.allow"), "{refused}");
    let refused = ask("socks5://localhost:1", Vec::new()).await.unwrap_err();
    assert!(refused.contains("outgoing.allow"), "{refused}");
}

#[actix_web::test]
async fn what_does_not_speak_the_protocol_is_named() {
    let port = proxy(server(), |mut client| async move {
        client.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await.ok()?;
        None
    })
    .await;
    let refused = ask(&format!("socks5://127.0.0.1:{port}"), local()).await.unwrap_err();
    assert!(refused.contains("SOCKS5"), "{refused}");
    let refused = ask(&format!("http://127.0.0.1:{port}"), local()).await.unwrap_err();
    assert!(refused.contains("HTTP"), "{refused}");
}
