//! Asks a server of the seller's for an order's goods. The client knows nothing of accounts: no cookie can go along.

use std::time::Duration;

use super::{
    call::{self, Unfit, Words},
    card::{ApiCall, Header, Method},
};
use crate::outgoing::{
    client::{self as outgoing, Failure, OutgoingClient, Request},
    url::HttpUrl,
};

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// Why nothing was given. Never holds a path, a header or a body: those may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGiven {
    #[error("the address of the card is no web address")]
    BadUrl,
    #[error(transparent)]
    NotReached(#[from] Failure),
    /// A redirect had made something else of the request: nobody knows whether it was taken.
    #[error("the server sent the request on as another one")]
    SentOn,
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl NotGiven {
    /// Stable, for programs and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUrl => "bad_url",
            Self::NotReached(failure) => failure.code(),
            Self::SentOn => "sent_on",
            Self::Unfit(unfit) => unfit.code(),
        }
    }

    /// Whether to ask again: the server was not reached, or says that it is in trouble.
    fn may_pass(&self) -> bool {
        match self {
            Self::NotReached(failure) => failure.may_pass(),
            Self::BadUrl | Self::SentOn | Self::Unfit(_) => false,
        }
    }
}

/// Asks until something is given, as often as the card says, with growing pauses. `key` names what is asked for, the same each time, so that
/// a server that was asked twice need not give twice. It takes at most the card's time for each try, and the pauses.
pub async fn ask(client: &OutgoingClient, call: &ApiCall, words: &Words, key: &str) -> Result<String, NotGiven> {
    ask_with(client, call, words, key, call::pause).await
}

async fn ask_with(
    client: &OutgoingClient,
    call: &ApiCall,
    words: &Words,
    key: &str,
    pause: impl Fn(u32) -> Duration,
) -> Result<String, NotGiven> {
    let mut attempt = 1;
    loop {
        tokio::time::sleep(pause(attempt)).await;
        match once(client, call, words, key).await {
            Err(reason) if attempt <= call.retries && reason.may_pass() => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn once(client: &OutgoingClient, call: &ApiCall, words: &Words, key: &str) -> Result<String, NotGiven> {
    let (url, body) = call::request(call, words).ok_or(NotGiven::BadUrl)?;
    let url = HttpUrl::parse(&url).map_err(|_| NotGiven::BadUrl)?;
    let method = match call.method {
        Method::Get => outgoing::Method::GET,
        Method::Post => outgoing::Method::POST,
    };
    let timeout = Duration::from_secs(call.timeout_s.into());
    let mut request = Request { timeout, max_bytes: LONGEST, ..Request::new(method.clone(), url) };
    for Header { name, value } in &call.headers {
        request = request.header(name, value);
    }
    request = request.header("idempotency-key", key);
    if let Some(body) = body {
        request = request.body("application/json", body);
    }
    let answer = client.send(request).await?.success()?;
    if answer.method != method {
        return Err(NotGiven::SentOn);
    }
    Ok(call::read(answer.body()?, call.response_path.as_deref())?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Map, Value};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nAAAA";
    const BROKEN: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const GONE: &str = "";

    /// A server that gives these answers, one a connection, and then the last one again; an empty one hangs up. What it was asked.
    async fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/code", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&asked);
        actix_web::rt::spawn(async move {
            for answer in answers.iter().chain(std::iter::repeat(answers.last().unwrap())) {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // The body is told by its length; these tests post what fits into one piece.
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    let mut piece = [0; 4096];
                    let length = socket.read(&mut piece).await.unwrap();
                    request.extend_from_slice(&piece[..length]);
                }
                seen.lock().unwrap().push(String::from_utf8(request).unwrap().to_lowercase());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, asked)
    }

    fn card(url: &str, method: Method, retries: u32) -> ApiCall {
        let headers = vec![Header { name: "X-Key".to_owned(), value: "planted".to_owned() }];
        let params = Map::from_iter([("order".to_owned(), Value::from("{order_id}"))]);
        ApiCall { url: url.to_owned(), method, headers, params, response_path: None, timeout_s: 10, retries }
    }

    async fn given(call: &ApiCall) -> Result<String, NotGiven> {
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let config = outgoing::Config { allow, connect_wait: Duration::from_secs(5) };
        let words = Words { order_id: "2500000000000000001".to_owned(), ..Words::default() };
        let at_once = |_| Duration::ZERO;
        ask_with(&OutgoingClient::new(&config), call, &words, "2500000000000000001+1", at_once).await
    }

    /// D5: the predecessor meant to ask again and did not, where the network failed.
    #[actix_web::test]
    async fn d5_a_server_that_hangs_up_or_is_busy_is_asked_again_for_the_same() {
        let (url, asked) = server(&[GONE, BROKEN, FINE]).await;
        assert_eq!(given(&card(&url, Method::Get, 3)).await, Ok("AAAA".to_owned()));
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 3);
        let names_it = |request: &String| request.contains("idempotency-key: 2500000000000000001+1\r\n");
        assert!(asked.iter().all(names_it), "{asked:?}");
        assert!(asked[0].starts_with("get /code?order=2500000000000000001 "), "{asked:?}");
    }

    #[actix_web::test]
    async fn d5_a_server_that_stays_away_is_asked_so_often_and_no_more() {
        let (url, asked) = server(&[BROKEN]).await;
        let reason = given(&card(&url, Method::Get, 2)).await.unwrap_err();
        assert_eq!((reason.code(), asked.lock().unwrap().len()), ("http_status", 3));
        let nobody = given(&card("http://127.0.0.1:1/", Method::Get, 1)).await.unwrap_err();
        assert_eq!(nobody.code(), "unreachable");
    }

    #[actix_web::test]
    async fn what_the_server_refuses_or_says_unclearly_is_not_asked_again() {
        const REFUSED: &str = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
        const UNCLEAR: &str = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"code\": 500}";
        for (answers, code) in [(&[REFUSED], "http_status"), (&[UNCLEAR], "no_content")] {
            let (url, asked) = server(answers).await;
            assert_eq!(given(&card(&url, Method::Get, 3)).await.unwrap_err().code(), code);
            assert_eq!(asked.lock().unwrap().len(), 1, "{code}");
        }
    }

    /// What was posted may not have been taken, and what is answered then is something else.
    #[actix_web::test]
    async fn an_answer_to_another_request_than_the_one_that_was_sent_is_not_taken() {
        const ELSEWHERE: &str =
            "HTTP/1.1 303 See\r\nLocation: /other\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let (url, asked) = server(&[ELSEWHERE, FINE]).await;
        assert_eq!(given(&card(&url, Method::Post, 3)).await, Err(NotGiven::SentOn));
        assert_eq!(asked.lock().unwrap().len(), 2);
    }

    /// S18: the predecessor sent the seller's cookies along.
    #[actix_web::test]
    async fn s18_no_cookie_goes_to_a_server_of_the_sellers() {
        const COOKIE: &str =
            "HTTP/1.1 503 Busy\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let (url, asked) = server(&[COOKIE, FINE]).await;
        assert_eq!(given(&card(&url, Method::Post, 3)).await, Ok("AAAA".to_owned()));
        let asked = asked.lock().unwrap();
        assert!(asked.len() == 2 && asked.iter().all(|request| !request.contains("\r\ncookie:")), "{asked:?}");
        assert!(asked[1].contains("x-key: planted\r\n") && asked[1].contains("content-type: application/json\r\n"));
    }

    /// S19: as every address that a user wrote down.
    #[actix_web::test]
    async fn s19_an_address_of_the_inside_is_not_asked() {
        let reason = given(&card("http://169.254.169.254/latest", Method::Get, 3)).await.unwrap_err();
        assert_eq!(reason.code(), "address_refused");
    }

    #[actix_web::test]
    async fn an_answer_without_end_is_not_read_to_it() {
        const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n";
        let answer: &'static str = Box::leak(format!("{LONG}{}", "x".repeat(200_000)).into_boxed_str());
        let (url, _) = server(Box::leak(Box::new([answer]))).await;
        assert_eq!(given(&card(&url, Method::Get, 0)).await.unwrap_err().code(), "answer_too_large");
    }
}
