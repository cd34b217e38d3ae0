//! A mail server that cannot prove who it is hears nothing: no password, no sender, no letter.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::harness::{PATIENCE, TestApp};

/// Made for these tests, and signed by itself.
const CERTIFICATE_AND_KEY: &[u8] = include_bytes!("../fixtures/mail-server-nobody-trusts.pem");

const SMTP_PASSWORD: &str = "planted-password";

/// When the encryption begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    AtOnce,
    WhenAsked,
}

/// What a client said on one connection.
#[derive(Debug, Default)]
struct Heard {
    in_clear: Vec<String>,
    encrypted: Vec<String>,
    /// Why there was no encryption in the end.
    fault: Option<String>,
}

/// Takes every letter, from whoever trusts it.
struct Stub {
    port: u16,
    heard: UnboundedReceiver<Heard>,
}

impl Stub {
    fn start(begins: Begins) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, heard) = unbounded_channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                // The test may be over.
                let _ = sender.send(serve(stream.unwrap(), begins));
            }
        });
        Self { port, heard }
    }

    async fn next(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap()
    }
}

fn serve(stream: TcpStream, begins: Begins) -> Heard {
    let mut heard = Heard::default();
    if begins == Begins::WhenAsked {
        let mut clear = BufReader::new(&stream);
        clear.get_mut().write_all(b"220 stub ready\r\n").unwrap();
        let upgraded = talk(&mut clear, "250-stub\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", &mut heard.in_clear);
        if !upgraded.unwrap_or(false) {
            return heard;
        }
    }
    let mut inside = BufReader::new(StreamOwned::new(ServerConnection::new(certified()).unwrap(), stream));
    let greeting: &[u8] = if begins == Begins::AtOnce { b"220 stub ready\r\n" } else { b"" };
    let greeted = inside.get_mut().write_all(greeting);
    let talked = greeted.and_then(|()| talk(&mut inside, "250-stub\r\n250 AUTH PLAIN\r\n", &mut heard.encrypted));
    heard.fault = talked.err().map(|error| error.to_string());
    heard
}

fn certified() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE_AND_KEY).unwrap();
    let key = PrivateKeyDer::from_pem_slice(CERTIFICATE_AND_KEY).unwrap();
    let config =
        ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    Arc::new(config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

/// Agrees to everything. `true`: the client wants to go on encrypted.
fn talk(line: &mut BufReader<impl Read + Write>, hello: &str, told: &mut Vec<String>) -> std::io::Result<bool> {
    let mut in_letter = false;
    loop {
        let mut text = String::new();
        if line.read_line(&mut text)? == 0 {
            return Ok(false);
        }
        told.push(text.trim_end().to_owned());
        let answer = match text.trim_end() {
            "." => "250 taken\r\n",
            _ if in_letter => continue,
            "DATA" => "354 go on\r\n",
            "STARTTLS" => "220 go on\r\n",
            "QUIT" => "221 bye\r\n",
            text if text.starts_with("EHLO") => hello,
            text if text.starts_with("AUTH") => "235 welcome\r\n",
            _ => "250 fine\r\n",
        };
        in_letter = text.starts_with("DATA");
        line.get_mut().write_all(answer.as_bytes())?;
        match text.trim_end() {
            "STARTTLS" => return Ok(true),
            "QUIT" => return Ok(false),
            _ => {}
        }
    }
}

/// The stub is sound: it is the certificate alone that it is refused for.
#[actix_web::test]
async fn a_client_that_trusts_the_certificate_hands_its_letter_over() {
    for begins in [Begins::AtOnce, Begins::WhenAsked] {
        let mut stub = Stub::start(begins);
        let trusted = Certificate::from_pem(CERTIFICATE_AND_KEY).unwrap();
        let tls = TlsParameters::builder("localhost".into()).add_root_certificate(trusted).build().unwrap();
        let tls = if begins == Begins::AtOnce { Tls::Wrapper(tls) } else { Tls::Required(tls) };
        let server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("localhost").port(stub.port).tls(tls);
        let server = server.credentials(Credentials::new("shop".into(), SMTP_PASSWORD.into())).build();
        let letter = Message::builder().from("pond@example.com".parse().unwrap());
        let letter = letter.to("a@example.com".parse().unwrap()).body(String::from("hello")).unwrap();
        server.send(letter).await.unwrap();
        let heard = stub.next().await;
        for word in ["AUTH PLAIN", "MAIL FROM:<pond@example.com>", "DATA", "hello"] {
            assert!(heard.encrypted.iter().any(|line| line.starts_with(word)), "{word}: {heard:?}");
        }
    }
}

/// S10: the trial letter is not sent, and the administrator is told why.
#[actix_web::test]
async fn s10_a_mail_server_with_a_certificate_of_its_own_hears_neither_password_nor_letter() {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.signed_in("admin").await;
    for (security, begins, host) in [
        ("implicit", Begins::AtOnce, "localhost"),
        ("implicit", Begins::AtOnce, "127.0.0.1"),
        ("starttls", Begins::WhenAsked, "localhost"),
        ("starttls", Begins::WhenAsked, "127.0.0.1"),
    ] {
        let mut stub = Stub::start(begins);
        let smtp = json!({
            "host": host, "port": stub.port, "security": security, "from": "pond@example.com",
            "username": "shop", "password": SMTP_PASSWORD,
        });
        admin.patch("/api/v1/settings", &json!({"smtp": smtp})).await.is(200);
        let refused = admin.post("/api/v1/settings/smtp/test", &json!({"to": "a@example.com"})).await;
        let details = refused.refused(502, "mail_failed").json()["details"].clone();
        assert_eq!(details["reason"], "mail_tls_failed", "{security} at {host}: {details}");
        let said = details["said"].as_str().unwrap();
        assert!(said.contains("certificate") && !said.contains(SMTP_PASSWORD), "{said}");

        let heard = stub.next().await;
        let words: Vec<_> = heard.in_clear.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let expected: &[&str] = if begins == Begins::AtOnce { &[] } else { &["EHLO", "STARTTLS"] };
        assert_eq!((&*words, &*heard.encrypted), (expected, &[] as &[String]), "{security} at {host}");
        let fault = heard.fault.expect("the client hung up during the handshake");
        assert!(fault.contains("received fatal alert"), "{fault}");
    }
}
