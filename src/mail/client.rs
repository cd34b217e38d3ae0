//! Hands a letter to the administrator's mail server (SMTP).

use std::{error::Error as _, fmt, io, iter, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use zeroize::Zeroizing;

use super::letter::Letter;

/// From the look-up of the server to its last word.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How the connection is encrypted. There is no "if the server offers it": whoever is between could take the offer out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Begins in the clear and must be upgraded before anything is said; usually port 587.
    Starttls,
    /// From the first byte; usually port 465.
    Implicit,
    /// Not at all: for a server on this machine.
    None,
}

/// The administrator's mail server.
#[derive(Clone)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    /// `None`: the server wants no login.
    pub login: Option<SmtpLogin>,
    /// `name@example.com` or `Name <name@example.com>`.
    pub from: String,
    pub tls: SmtpTls,
}

#[derive(Clone)]
pub struct SmtpLogin {
    pub user: String,
    /// Forgotten when dropped.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[mail server {}:{}]", self.host, self.port)
    }
}

/// Why a letter was not taken. The texts are for an administrator; none of them shows a password or a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("the sender of the mail settings is no e-mail address")]
    From,
    #[error("the receiver is no e-mail address")]
    To,
    #[error("the letter cannot be written: {0}")]
    Letter(String),
    #[error("the mail server refuses the user name or the password")]
    Login,
    #[error("the mail server refuses the letter ({0})")]
    Refused(u16),
    #[error("cannot encrypt the connection to the mail server: {0}")]
    Tls(String),
    #[error("cannot speak with the mail server: {0}")]
    Connection(String),
    #[error("the mail server did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
}

impl MailError {
    /// Stable, for programs and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::From => "mail_sender_invalid",
            Self::To => "mail_receiver_invalid",
            Self::Letter(_) => "mail_letter_invalid",
            Self::Login => "mail_login_refused",
            Self::Refused(_) => "mail_refused",
            Self::Tls(_) => "mail_tls_failed",
            Self::Connection(_) => "mail_unreachable",
            Self::Timeout => "mail_timeout",
        }
    }
}

/// Whether letters can come from this sender: `name@example.com` or `Name <name@example.com>`.
pub fn is_sender(text: &str) -> bool {
    text.parse::<Mailbox>().is_ok()
}

/// `Ok`: the server has taken the letter over. S10: it goes to this server and to no other.
pub async fn send(config: &SmtpConfig, letter: &Letter) -> Result<(), MailError> {
    let message = message(config, letter)?;
    let server = transport(config)?;
    match tokio::time::timeout(TIMEOUT, server.send(message)).await {
        Ok(sent) => sent.map(drop).map_err(|error| refusal(&error)),
        Err(_) => Err(MailError::Timeout),
    }
}

/// Addresses are parsed, never pasted into a header: a line break in one is no address.
fn message(config: &SmtpConfig, letter: &Letter) -> Result<Message, MailError> {
    let from: Mailbox = config.from.parse().map_err(|_| MailError::From)?;
    let to: Address = letter.to.parse().map_err(|_| MailError::To)?;
    let message = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(letter.subject.replace(char::is_control, " "))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone());
    message.map_err(|error| MailError::Letter(error.to_string()))
}

fn transport(config: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let parameters = || TlsParameters::new(config.host.clone()).map_err(|error| refusal(&error));
    let tls = match config.tls {
        SmtpTls::Starttls => Tls::Required(parameters()?),
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
        SmtpTls::None => Tls::None,
    };
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host);
    let transport = transport.port(config.port).tls(tls).timeout(Some(TIMEOUT));
    Ok(match &config.login {
        Some(login) => transport.credentials(Credentials::new(login.user.clone(), login.password.to_string())),
        None => transport,
    }
    .build())
}

/// What a server says is not repeated beside its number: some say back what they were told, and that may have been the password.
fn refusal(error: &smtp::Error) -> MailError {
    const ABOUT_THE_LOGIN: [u16; 5] = [454, 530, 534, 535, 538];
    if let Some(code) = error.status().map(u16::from) {
        return if ABOUT_THE_LOGIN.contains(&code) { MailError::Login } else { MailError::Refused(code) };
    }
    if let Some(fault) = handshake_fault(error) {
        return MailError::Tls(fault.to_string());
    }
    let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error {
        _ if error.is_timeout() => MailError::Timeout,
        _ if error.is_response() => MailError::Connection("its answer is not SMTP".to_owned()),
        _ if error.is_tls() => MailError::Tls(cause),
        _ => MailError::Connection(cause),
    }
}

/// A handshake that fails counts as a failed connection there: what it failed for lies deeper.
fn handshake_fault(error: &smtp::Error) -> Option<&rustls::Error> {
    let mut causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
        task::JoinHandle,
    };

    use super::*;

    const PASSWORD: &str = "planted-password";

    /// A mail server for one connection, which ends with everything it was told. It says a wrong password back.
    async fn server() -> (SmtpConfig, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = SmtpConfig {
            host: "127.0.0.1".into(),
            port: listener.local_addr().unwrap().port(),
            login: Some(SmtpLogin { user: "shop".into(), password: Zeroizing::new(PASSWORD.into()) }),
            from: "鱼塘 <pond@example.com>".into(),
            tls: SmtpTls::None,
        };
        (config, tokio::spawn(serve(listener)))
    }

    async fn serve(listener: TcpListener) -> Vec<String> {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.split();
        let (mut lines, mut told, mut in_letter) = (BufReader::new(reader).lines(), Vec::new(), false);
        writer.write_all(b"220 stub ready\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            told.push(line.clone());
            if in_letter && line != "." {
                continue;
            }
            let answer = answer(&line);
            in_letter = line == "DATA";
            writer.write_all(answer.as_bytes()).await.unwrap();
        }
        told
    }

    fn answer(line: &str) -> String {
        match line.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-stub\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n".into(),
            "AUTH" if line.ends_with(&BASE64_STANDARD.encode(format!("\0shop\0{PASSWORD}"))) => {
                "235 welcome\r\n".into()
            }
            "AUTH" => format!("535 not {line}\r\n"),
            "RCPT" if line.contains("nobody@") => "550 no such user\r\n".into(),
            "DATA" => "354 go on\r\n".into(),
            "QUIT" => "221 bye\r\n".into(),
            _ => "250 fine\r\n".into(),
        }
    }

    fn letter(to: &str) -> Letter {
        Letter { to: to.into(), subject: "登录验证码".into(), text: "验证码：042042\n.\n再见\n".into() }
    }

    /// S10: the letter is at the server that was configured, whole, and nowhere else.
    #[actix_web::test]
    async fn s10_a_letter_arrives_at_the_configured_server() {
        let (config, server) = server().await;
        send(&config, &letter("buyer@example.com")).await.unwrap();
        let told = server.await.unwrap();
        for line in [
            "MAIL FROM:<pond@example.com>",
            "RCPT TO:<buyer@example.com>",
            "To: buyer@example.com",
            "From: =?utf-8?b?",
            "Subject: =?utf-8?b?55m75b2V6aqM6K+B56CB?=",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(told.iter().any(|told| told.starts_with(line)), "{line}: {told:#?}");
        }
        let body = told.iter().skip_while(|line| !line.is_empty()).skip(1).take_while(|line| *line != ".");
        let body: String = body.map(|line| format!("{line}\n")).collect();
        assert_eq!(decoded(&told, &body).replace("\r\n", "\n"), letter("").text);
    }

    /// Undoes the transfer encoding that the headers name.
    fn decoded(told: &[String], body: &str) -> String {
        let is_base64 = told.iter().any(|line| line == "Content-Transfer-Encoding: base64");
        let lines = || body.lines().map(|line| line.strip_prefix('.').unwrap_or(line));
        if is_base64 {
            String::from_utf8(BASE64_STANDARD.decode(lines().collect::<String>()).unwrap()).unwrap()
        } else {
            lines().map(|line| format!("{line}\n")).collect()
        }
    }

    #[actix_web::test]
    async fn an_address_cannot_carry_a_header_or_a_second_receiver() {
        let (config, _server) = server().await;
        for to in [
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\nBcc: b@example.com",
            "a@example.com, b@example.com",
            "a@example.com>\r\nRCPT TO:<b@example.com",
            "\"a\r\nb\"@example.com",
            "Somebody <a@example.com>",
            "",
        ] {
            assert_eq!(send(&config, &letter(to)).await, Err(MailError::To), "{to:?}");
        }
        let forged = SmtpConfig { from: "pond@example.com\r\nBcc: b@example.com".into(), ..config };
        assert_eq!(send(&forged, &letter("a@example.com")).await, Err(MailError::From));
    }

    #[test]
    fn a_subject_cannot_carry_a_header() {
        let config = SmtpConfig {
            host: "127.0.0.1".into(),
            port: 25,
            login: None,
            from: "pond@example.com".into(),
            tls: SmtpTls::None,
        };
        let letter = Letter { subject: "hello\r\nBcc: b@example.com".into(), ..letter("a@example.com") };
        let written = String::from_utf8(message(&config, &letter).unwrap().formatted()).unwrap();
        assert!(!written.lines().any(|line| line.starts_with("Bcc")), "{written}");
    }

    #[actix_web::test]
    async fn wrong_credentials_are_said_without_the_password() {
        let (mut config, _server) = server().await;
        let wrong = "planted-but-wrong";
        config.login = Some(SmtpLogin { user: "shop".into(), password: Zeroizing::new(wrong.into()) });
        let error = send(&config, &letter("a@example.com")).await.unwrap_err();
        assert_eq!(error, MailError::Login);
        let shown = format!("{error} {error:?} {config:?}");
        let encoded = BASE64_STANDARD.encode(format!("\0shop\0{wrong}"));
        assert!(!shown.contains(wrong) && !shown.contains(&encoded), "{shown}");
    }

    #[actix_web::test]
    async fn a_refused_receiver_is_named_by_the_servers_number() {
        let (config, _server) = server().await;
        assert_eq!(send(&config, &letter("nobody@example.com")).await, Err(MailError::Refused(550)));
    }

    #[actix_web::test]
    async fn a_server_without_starttls_is_told_neither_password_nor_letter() {
        let (config, server) = server().await;
        let config = SmtpConfig { tls: SmtpTls::Starttls, host: "localhost".into(), ..config };
        let error = send(&config, &letter("a@example.com")).await.unwrap_err();
        assert!(matches!(error, MailError::Connection(_) | MailError::Tls(_)), "{error:?}");
        let told = server.await.unwrap();
        assert!(!told.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{told:?}");
    }

    #[actix_web::test]
    async fn a_server_that_is_not_there_is_an_error_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = SmtpConfig {
            host: "127.0.0.1".into(),
            port,
            login: None,
            from: "p@example.com".into(),
            tls: SmtpTls::None,
        };
        assert_eq!(send(&config, &letter("a@example.com")).await.unwrap_err().code(), "mail_unreachable");
    }
}
