//! People and programs that speak HTTP with the server under test.

use std::{cell::RefCell, net::SocketAddr, sync::LazyLock, time::Duration};

use awc::{
    Client, ClientRequest,
    http::{Method, header::HeaderMap},
    ws::WebsocketsRequest,
};
use serde_json::{Value, json};
use yutang::{
    access::{password, role::Role},
    ids::{AccountId, Timestamp, UserId},
    store::users::{self, NewUser},
};

use crate::harness::TestApp;

/// Of everybody in these tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD, &[7; 16]));

/// Hashed once for all tests.
pub(crate) fn password_hash() -> String {
    HASH.clone()
}

/// Somebody who asks: signed in, or not.
pub(crate) struct Api {
    base: String,
    client: Client,
    headers: Vec<(String, String)>,
    /// The last session that was begun.
    pub(crate) session: RefCell<Option<String>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The place in the request that a refusal is about.
    pub(crate) fn field(&self) -> String {
        self.json()["details"]["field"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, &*self.code()), (status, code), "{}", self.text);
        self
    }
}

async fn read<S>(mut response: awc::ClientResponse<S>) -> Answer
where
    S: futures_util::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>>,
{
    let bytes = response.body().limit(64 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), text, bytes: bytes.to_vec() }
}

impl Api {
    /// Asks whoever listens there.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(30)).disable_redirects().finish();
        Self {
            base: format!("http://{address}"),
            client,
            headers: vec![("accept-language".into(), "en".into())],
            session: RefCell::default(),
        }
    }

    /// The same person once more.
    pub(crate) fn as_who(&self) -> Self {
        let session = RefCell::new(self.session.borrow().clone());
        Self { base: self.base.clone(), client: self.client.clone(), headers: self.headers.clone(), session }
    }

    pub(crate) fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.retain(|(name, _)| name != header);
        self.headers.push((header.into(), value.into()));
        self
    }

    /// Signs in by password, as a program does.
    pub(crate) async fn sign_in(self, name: &str) -> Self {
        let body = json!({"username": name, "password": PASSWORD});
        let answer = self.post("/api/v1/sessions", &body).await.is(201).json();
        *self.session.borrow_mut() = answer["session"]["id"].as_str().map(str::to_owned);
        let token = answer["token"].as_str().unwrap().to_owned();
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Signs in by cookie, as a browser does; every changing request carries the session's CSRF text.
    pub(crate) async fn sign_in_by_cookie(self, name: &str) -> Self {
        let body = json!({"username": name, "password": PASSWORD, "cookie": true});
        let answer = self.post("/api/v1/sessions", &body).await.is(201);
        self.with_cookie_of(&answer)
    }

    /// Goes on as who was just signed in by cookie.
    pub(crate) fn with_cookie_of(self, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
        self.with("cookie", &cookie).with("x-csrf-token", &csrf)
    }

    /// The value of a header that goes with every request.
    pub(crate) fn sends(&self, header: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == header).map_or("", |(_, value)| value)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> ClientRequest {
        let request = self.client.request(method, format!("{}{path}", self.base)).force_close();
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| request.insert_header((name.as_str(), value.as_str())))
    }

    /// Begins a WebSocket, with what this client shows of itself.
    pub(crate) fn socket(&self, path: &str) -> WebsocketsRequest {
        let request = self.client.ws(format!("{}{path}", self.base));
        let headers = self.headers.iter();
        headers.fold(request, |request, (name, value)| request.set_header(name.as_str(), value.as_str()))
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path);
        let sent = match body {
            Some(body) => request.send_json(body).await,
            None => request.send().await,
        };
        read(sent.unwrap()).await
    }

    /// Posts a body as it is.
    pub(crate) async fn send_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, path).content_type(content_type);
        read(request.send_body(body).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// The lines of the audit for this query, newest first.
    pub(crate) async fn audit(&self, query: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/audit?{query}")).await.is(200).json();
        page["items"].as_array().unwrap().clone()
    }
}

impl TestApp {
    /// Nobody in particular.
    pub(crate) fn anybody(&self) -> Api {
        Api::at(self.addr())
    }

    /// Somebody signed in. `seller` and `admin` are always there.
    pub(crate) async fn signed_in(&self, name: &str) -> Api {
        Api::at(self.addr()).sign_in(name).await
    }

    /// The number of somebody who is there.
    pub(crate) fn user(&self, name: &'static str) -> UserId {
        self.read(|conn| users::find_by_name(conn, name)).unwrap().id
    }

    /// Makes somebody with [`PASSWORD`].
    pub(crate) fn person(&self, name: &str, role: Role) -> UserId {
        let employer = (!role.owns_accounts()).then(|| self.scope().user());
        self.employ(name, role, employer, &[])
    }

    /// Makes somebody who works on chosen accounts of `employer`.
    pub(crate) fn employ(&self, name: &str, role: Role, employer: Option<UserId>, accounts: &[AccountId]) -> UserId {
        let new = NewUser {
            name: name.into(),
            password_hash: password_hash(),
            role,
            employer,
            email: None,
            created_at: Timestamp(1),
        };
        let (accounts, scope) = (accounts.to_vec(), self.scope());
        self.write(move |conn| {
            let id = users::insert(conn, &new)?.unwrap();
            users::set_accounts(conn, &scope, id, &accounts)?;
            Ok(id)
        })
    }
}
