//! The load generator, against a client that answers as told.

use std::time::Duration;

use actix_web::rt;
use yutang::sim::load::{self, Catalog, Plan, Process, Replies, Report, Spacing};

use crate::{
    World,
    client::{Client, texts, trees},
};

/// What the client does with the message it hears as the `n`th.
type Manner = fn(usize) -> Vec<&'static str>;

const ANSWER: &str = "回复";
const NONSENSE: &str = "什么";

/// Answers every message as the rules of the catalogue would, as often as `manner` says.
async fn answer(mut client: Client, catalog: Catalog, own: String, manner: Manner) {
    let mut heard = 0;
    loop {
        let frame = client.frame().await;
        let Some(tree) = frame["lwp"].as_str().and_then(|_| trees(&frame)[0].clone()) else { continue };
        let text = |key: &str| tree["1"]["10"][key].as_str().unwrap().to_owned();
        if text("senderUserId") == own {
            continue;
        }
        let message = texts(&frame).remove(0);
        let keyword = (0..catalog.keywords).find(|index| message.contains(&catalog.keyword(*index))).unwrap();
        let conversation = tree["1"]["2"].as_str().unwrap().trim_end_matches("@goofish").to_owned();
        for kind in manner(heard) {
            let reply = if kind == ANSWER { format!("回复{keyword:04}：{message}") } else { kind.to_owned() };
            client.say(&conversation, &text("senderUserId"), &reply, "-17600000000011").await;
        }
        heard += 1;
    }
}

async fn run(manner: Manner) -> Report {
    let world = World::new();
    let client = world.online().await;
    let catalog = Catalog::new(20, Replies::Exact);
    rt::spawn(answer(client, catalog, world.shop.uid.to_string(), manner));
    let plan = Plan {
        catalog,
        rate: 200.0,
        hot_rate: 0.0,
        time: Duration::from_millis(400),
        warm_up: Duration::ZERO,
        buyers: 5,
        spacing: Spacing::Even,
        grace: Duration::from_secs(1),
    };
    let platform = world.sim.platform().clone();
    actix_web::web::block(move || load::run(&platform, &plan, Some(Process::own()))).await.unwrap()
}

#[actix_web::test]
async fn a_server_that_answers_everything_once_is_clean() {
    let report = run(|_| vec![ANSWER]).await;
    assert!(report.is_clean(), "{report}");
    assert!(report.sent >= 70, "{report}");
    assert_eq!(report.answered, report.sent);
    assert!(report.latency_ms.p50 > 0.0 && report.latency_ms.p50 <= report.latency_ms.max, "{report}");
    assert!(report.server.is_some());
}

#[actix_web::test]
async fn lost_doubled_and_wrong_answers_are_told_apart() {
    let report = run(|heard| match heard {
        3 => vec![],
        5 => vec![ANSWER, ANSWER],
        7 => vec![ANSWER, NONSENSE],
        _ => vec![ANSWER],
    })
    .await;
    assert_eq!((report.lost, report.doubled, report.wrong), (1, 1, 1), "{report}");
    assert!(!report.is_clean());
}

#[actix_web::test]
async fn connecting_is_timed_from_the_first_upgrade() {
    let world = World::new();
    let start = std::time::Instant::now();
    let platform = world.sim.platform().clone();
    let waiting = actix_web::web::block(move || load::await_connected(&platform, start, Duration::from_secs(20)));
    let (connected, _client) = futures_util::join!(waiting, world.online());
    let connected = connected.unwrap().unwrap();
    assert_eq!((connected.accounts, connected.token_requests), (1, 1));
    assert!(connected.from_first_upgrade_ms <= connected.from_start_ms);
}

#[actix_web::test]
async fn accounts_that_stay_away_are_not_waited_for_forever() {
    let world = World::new();
    let platform = world.sim.platform().clone();
    let start = std::time::Instant::now();
    let waiting = actix_web::web::block(move || load::await_connected(&platform, start, Duration::from_millis(20)));
    assert!(waiting.await.unwrap().is_none());
}
