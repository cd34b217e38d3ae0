#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::*;

/// What a server was asked: method, path, the header `x-secret`, body.
type Asked = Mutex<Vec<(String, String, Option<String>, String)>>;

/// A server on port 0. `/to/STATUS?URL` redirects there, `/long` answers 100,000 bytes, everything else says `fine`.
fn server() -> (String, Arc<Asked>) {
    let asked = Arc::<Asked>::default();
    let data = web::Data::from(Arc::clone(&asked));
    let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
    let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    rt::spawn(server.run());
    (address, asked)
}

async fn answer(request: HttpRequest, body: String, asked: web::Data<Asked>) -> HttpResponse {
    let secret = request
        .headers()
        .get("x-secret")
        .or_else(|| request.headers().get("cookie"))
        .map(|value| value.to_str().unwrap().to_owned());
    let seen = (request.method().to_string(), request.path().to_owned(), secret, body);
    asked.lock().unwrap().push(seen);
    match request.path().strip_prefix("/to/") {
        Some(status) => HttpResponse::build(status.parse::<u16>().unwrap().try_into().unwrap())
            .insert_header(("Location", request.query_string()))
            .finish(),
        None if request.path() == "/long" => HttpResponse::Ok().body("x".repeat(100_000)),
        None if request.path() == "/cookie" => HttpResponse::Ok().insert_header(("Set-Cookie", "a=1; Path=/")).finish(),
        None if request.path() == "/broken" => HttpResponse::InternalServerError().body("sorry"),
        None => HttpResponse::Ok().body("fine"),
    }
}

fn client(allow: &[&str]) -> OutgoingClient {
    let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
    OutgoingClient::new(&Config { allow, connect_wait: Duration::from_secs(5) })
}

fn loopback() -> OutgoingClient {
    client(&["127.0.0.0/8"])
}

fn post(url: &str) -> Request {
    let request = Request::new(Method::POST, HttpUrl::parse(url).unwrap());
    request.header("X-Secret", "planted").body("text/plain", "hello")
}

fn get(url: &str) -> Request {
    Request::new(Method::GET, HttpUrl::parse(url).unwrap())
}

/// S29: the predecessor fetched whatever address a user wrote down, in whatever spelling.
#[actix_web::test]
async fn s29_nothing_of_the_inside_is_reached_by_number_name_or_spelling() {
    let (address, asked) = server();
    let port = address.rsplit(':').next().unwrap();
    for host in
        ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
    {
        let failure = client(&[]).send(post(&format!("http://{host}:{port}/"))).await.unwrap_err();
        assert!(matches!(failure, Failure::Address { .. }), "{host}: {failure:?}");
        assert!(!failure.may_pass());
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn what_the_administrator_allowed_is_reached_and_of_a_name_only_the_allowed_address() {
    let (address, asked) = server();
    let answer = loopback().send(post(&format!("{address}/hook"))).await.unwrap();
    assert_eq!((answer.status, &answer.body().unwrap()[..]), (200, &b"fine"[..]));
    let port = address.rsplit(':').next().unwrap();
    loopback().send(post(&format!("http://localhost:{port}/named"))).await.unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], ("POST".into(), "/hook".into(), Some("planted".into()), "hello".into()));
    assert_eq!(asked[1].1, "/named");
}

/// S29: a server of the internet that sends the request on to the inside.
#[actix_web::test]
async fn s29_a_redirect_to_the_inside_is_refused_like_the_address_itself() {
    let (address, asked) = server();
    let failure = loopback().send(get(&format!("{address}/to/302?http://[::1]:1/"))).await.unwrap_err();
    assert!(matches!(failure, Failure::Address { .. }), "{failure:?}");
    let failure = loopback().send(get(&format!("{address}/to/302?http://169.254.169.254/latest/"))).await.unwrap_err();
    assert!(matches!(failure, Failure::Address { address, .. } if address.to_string() == "169.254.169.254"));
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[actix_web::test]
async fn another_server_sees_neither_the_headers_nor_the_body() {
    let ((first, _), (second, asked)) = (server(), server());
    let answer = loopback().send(post(&format!("{first}/to/302?{second}/x"))).await.unwrap();
    assert_eq!(answer.method, Method::GET);
    assert_eq!(*asked.lock().unwrap(), [("GET".into(), "/x".into(), None, String::new())]);
    let failure = loopback().send(post(&format!("{first}/to/307?{second}/x"))).await.unwrap_err();
    assert_eq!(failure, Failure::Redirect(RedirectFault::AnotherHost));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_post_stays_one_where_the_server_says_so() {
    let (address, asked) = server();
    let answer = loopback().send(post(&format!("{address}/to/308?/here"))).await.unwrap();
    assert_eq!(answer.method, Method::POST);
    let last = asked.lock().unwrap().pop().unwrap();
    assert_eq!(last, ("POST".into(), "/here".into(), Some("planted".into()), "hello".into()));
}

#[actix_web::test]
async fn a_circle_of_redirects_ends() {
    let (address, asked) = server();
    // A place that is empty is where the request came from.
    let failure = loopback().send(get(&format!("{address}/to/302"))).await.unwrap_err();
    assert_eq!(failure, Failure::Redirect(RedirectFault::TooMany));
    assert_eq!(asked.lock().unwrap().len(), 1 + redirect::MOST);
}

#[actix_web::test]
async fn reading_stops_at_the_bound() {
    let (address, _) = server();
    let request = Request { max_bytes: 10, ..get(&format!("{address}/long")) };
    let answer = loopback().send(request).await.unwrap();
    assert_eq!((answer.body(), answer.beginning()), (Err(Failure::TooLarge(10)), &b"xxxxxxxxxx"[..]));
}

/// S18: there, one session for everything carried the seller's cookies to strangers.
#[actix_web::test]
async fn s18_a_request_carries_nothing_that_another_one_sent_or_got() {
    let (address, asked) = server();
    let client = loopback();
    client.send(post(&format!("{address}/cookie"))).await.unwrap();
    client.send(get(&format!("{address}/plain"))).await.unwrap();
    let last = asked.lock().unwrap().pop().unwrap();
    assert_eq!(last, ("GET".into(), "/plain".into(), None, String::new()));
}

#[actix_web::test]
async fn a_status_is_an_answer_until_success_is_asked_for() {
    let (address, _) = server();
    let answer = loopback().send(get(&format!("{address}/broken"))).await.unwrap();
    assert_eq!(answer.status, 500);
    let failure = answer.success().unwrap_err();
    assert_eq!(failure, Failure::Status(500));
    assert!(failure.may_pass() && !Failure::Status(404).may_pass());
}

#[actix_web::test]
async fn a_server_that_hangs_costs_no_more_than_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let request = Request { timeout: Duration::from_millis(200), ..get(&url) };
    assert_eq!(loopback().send(request).await, Err(Failure::Timeout("127.0.0.1".into())));
}

#[actix_web::test]
async fn a_body_that_never_ends_costs_no_more_than_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let drip = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx").await.unwrap();
        std::future::pending::<()>().await;
    };
    let request = Request { timeout: Duration::from_millis(300), ..get(&url) };
    let answer =
        tokio::select! { answer = async { loopback().send(request).await } => answer, () = drip => unreachable!() };
    assert_eq!(answer, Err(Failure::Timeout("127.0.0.1".into())));
}

#[actix_web::test]
async fn failures_of_the_way_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let plain = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"this is not TLS at all\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let failure = tokio::select! { answer = async { loopback().send(get(&format!("https://{address}/"))).await } => answer, () = plain => unreachable!() };
    assert_eq!(failure.unwrap_err().code(), "tls_failed");
    drop(listener);
    assert_eq!(loopback().send(get(&format!("http://{address}/"))).await.unwrap_err().code(), "unreachable");
    let unknown = loopback().send(get("http://nowhere.invalid/planted?key=planted")).await.unwrap_err();
    assert_eq!(unknown.code(), "host_unknown");
    assert!(!format!("{unknown} {unknown:?}").contains("planted"));
}

#[actix_web::test]
async fn a_header_cannot_carry_a_second_request() {
    let (address, asked) = server();
    for (name, value) in [("X-A", "1\r\nX-B: 2"), ("X A", "1"), ("Host", "evil"), ("Transfer-Encoding", "chunked")] {
        let failure = loopback().send(get(&address).header(name, value)).await.unwrap_err();
        assert_eq!(failure, Failure::Header(name.to_owned()));
    }
    assert!(asked.lock().unwrap().is_empty());
}
