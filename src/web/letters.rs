//! Codes by e-mail. Whoever asks for one is answered at once and the same, whatever the address; whether there is somebody to write to
//! is found out afterwards, in the background, so that neither the words nor the time of the answer tell.

use futures_util::{StreamExt as _, stream};
use log::{info, warn};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, mpsc};
use zeroize::Zeroizing;

use super::{
    AppState,
    error::{ApiError, ApiResult, Code, Language},
    name::Email,
};
use crate::{
    access::code::{self, Purpose},
    ids::Timestamp,
    mail::{
        client::{self, MailError, SmtpConfig, SmtpLogin, SmtpTls},
        letter::{self, Letter},
    },
    store::{DbConn, Keys, QueryResult, Sealed, Store, email_codes, settings, users},
    telemetry::{clock, modules::Module},
};

/// Letters that may wait; more are not taken.
const WAITING: usize = 256;
/// Letters on their way at the same time: a mail server that hangs must not stop all others for long.
const AT_ONCE: usize = 4;

const SERVER: &str = "smtp";
const PASSWORD: &str = "smtp.password";

/// The letters that wait to be written.
pub struct Letters {
    queue: mpsc::Sender<Wanted>,
    waiting: Mutex<mpsc::Receiver<Wanted>>,
}

/// Somebody asks for a code.
#[derive(Debug)]
pub struct Wanted {
    pub email: Email,
    pub purpose: Purpose,
    pub language: Language,
}

impl Default for Letters {
    fn default() -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        Self { queue, waiting: Mutex::new(waiting) }
    }
}

impl Letters {
    pub fn ask(&self, wanted: Wanted) -> ApiResult<()> {
        self.queue.try_send(wanted).map_err(|_| ApiError::from(Code::Overloaded).retry_after(60))
    }
}

impl AppState {
    /// Writes the letters that are asked for. Never ends.
    pub async fn write_letters(&self) {
        let mut waiting = self.letters.waiting.lock().await;
        let wanted = stream::poll_fn(|context| waiting.poll_recv(context));
        wanted.for_each_concurrent(AT_ONCE, |wanted| self.write_letter(wanted)).await;
    }

    async fn write_letter(&self, wanted: Wanted) {
        match self.try_to_write(wanted).await {
            Ok(true) => info!("a code was sent by e-mail"),
            Ok(false) => {}
            Err(why) => warn!(class = "network"; "a code could not be sent by e-mail: {why}"),
        }
    }

    /// `false`: there is nobody to write to.
    async fn try_to_write(&self, wanted: Wanted) -> Result<bool, String> {
        let Wanted { email, purpose, language } = wanted;
        let Some(server) = self.mail_server().await.map_err(|error| error.to_string())? else { return Ok(false) };
        let (to, code, now) = (email.into_string(), code::code(rand::random), clock::unix());
        let (address, hash) = (to.clone(), self.code_hash(&to, purpose, &code));
        let put = move |conn: &mut DbConn| -> QueryResult<bool> {
            if !is_for_somebody(conn, &address, purpose)? {
                return Ok(false);
            }
            email_codes::put(conn, &address, purpose, &hash, now, now + code::LIFE)?;
            Ok(true)
        };
        if !self.store.write(put).await.map_err(|error| error.to_string())? {
            return Ok(false);
        }
        let letter = code_letter(purpose, language, &to, &code);
        client::send(&server, &letter).await.map(|()| true).map_err(|error| error.to_string())
    }

    /// What is stored of a code.
    pub(in crate::web) fn code_hash(&self, email: &str, purpose: Purpose, code: &str) -> Vec<u8> {
        code::hash(&self.store.keys().derive("email codes"), email, purpose, code)
    }

    async fn mail_server(&self) -> ApiResult<Option<SmtpConfig>> {
        stored_server(&self.store).await
    }

    /// A letter that an administrator waits for.
    pub(in crate::web) async fn send_trial(&self, language: Language, to: &str) -> ApiResult<Result<(), MailError>> {
        let server = self.mail_server().await?.ok_or(ApiError::absent(Module::Mail))?;
        Ok(client::send(&server, &letter::trial(language, to)).await)
    }
}

/// The administrator's mail server, where there is one. S10: letters go there or nowhere.
async fn stored_server(store: &Store) -> ApiResult<Option<SmtpConfig>> {
    let stored = store.read(MailServer::load).await?;
    Ok(stored.map(|stored| stored.config(store.keys())).transpose()?)
}

/// The same for who speaks no HTTP.
pub async fn mail_server(store: Store) -> Result<Option<SmtpConfig>, String> {
    stored_server(&store).await.map_err(|error| error.to_string())
}

/// Whether there is a mail server.
pub fn has_server(conn: &mut DbConn) -> QueryResult<bool> {
    Ok(MailServer::load(conn)?.is_some())
}

/// A login or a new password for who is there and active; a registration for who is not there yet.
fn is_for_somebody(conn: &mut DbConn, email: &str, purpose: Purpose) -> QueryResult<bool> {
    let user = users::find_by_email(conn, email)?;
    Ok(match purpose {
        Purpose::Login | Purpose::Reset => user.is_some_and(|user| user.active),
        Purpose::Register => user.is_none(),
    })
}

fn code_letter(purpose: Purpose, language: Language, to: &str, code: &str) -> Letter {
    match purpose {
        Purpose::Login => letter::login_code(language, to, code, code::LIFE),
        Purpose::Register => letter::register_code(language, to, code, code::LIFE),
        Purpose::Reset => letter::reset_code(language, to, code, code::LIFE),
    }
}

/// The mail server as it is stored; the password lies beside it, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::web) struct MailAddress {
    pub(in crate::web) host: String,
    pub(in crate::web) port: u16,
    pub(in crate::web) username: Option<String>,
    pub(in crate::web) from: String,
    pub(in crate::web) security: SmtpTls,
}

/// The mail server with its password.
#[derive(Clone)]
pub(in crate::web) struct MailServer {
    pub(in crate::web) address: MailAddress,
    /// And since when it is set.
    pub(in crate::web) password: Option<(Sealed, Timestamp)>,
}

impl MailServer {
    pub(in crate::web) fn load(conn: &mut DbConn) -> QueryResult<Option<Self>> {
        let Some(address) = settings::find(conn, SERVER)? else { return Ok(None) };
        Ok(Some(Self { address, password: settings::find_sealed(conn, PASSWORD)? }))
    }

    /// `None` takes the server away.
    pub(in crate::web) fn save(conn: &mut DbConn, address: Option<&MailAddress>, now: Timestamp) -> QueryResult<()> {
        settings::put(conn, SERVER, &address, now)
    }

    /// Sealed by [`MailServer::seal`]; `None` takes it away.
    pub(in crate::web) fn save_password(conn: &mut DbConn, sealed: Option<&Sealed>, now: Timestamp) -> QueryResult<()> {
        settings::put_sealed(conn, PASSWORD, sealed, now)
    }

    pub(in crate::web) fn seal(keys: &Keys, password: &str) -> Sealed {
        keys.seal(&settings::place(PASSWORD), password)
    }

    /// The password as it is told to the mail server; empty where there is none.
    pub(in crate::web) fn open_password(&self, keys: &Keys) -> Result<Zeroizing<String>, Code> {
        let Some((sealed, _)) = &self.password else { return Ok(Zeroizing::default()) };
        let secret = keys.open(&settings::place(PASSWORD), sealed).map_err(|_| Code::Internal)?;
        Ok(Zeroizing::new(secret.expose().to_owned()))
    }

    fn config(self, keys: &Keys) -> Result<SmtpConfig, Code> {
        let password = self.open_password(keys)?;
        let MailAddress { host, port, username, from, security } = self.address;
        let login = username.map(|user| SmtpLogin { user, password });
        Ok(SmtpConfig { host, port, login, from, tls: security })
    }
}
