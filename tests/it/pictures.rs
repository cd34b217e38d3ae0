//! Pictures that sellers upload, and that buyers get.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    account::state::{self, Reason},
    outbox::entry::{Body, State},
    sim::{self, Uploads},
    store::account_tokens,
};

use crate::{
    client::{Answer, Api},
    harness::{Shop, TestApp, echo},
};

const BUYER: &str = "2200000000777";
const ITEM: &str = "900000000001";

/// A picture of one colour.
pub(crate) fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, Rgb(colour)).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn upload(api: &Api, width: u32, height: u32) -> Value {
    api.send_bytes("/api/v1/pictures", "image/png", png(width, height, [9, 9, 9])).await.is(201).json()
}

/// A shop on a server that answers 图 with an uploaded picture of 40 × 24 pixels and everything else with its words, and that picture.
async fn picture_shop() -> (TestApp, Shop, Api, Value) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.start().await;
    let seller = app.signed_in("seller").await;
    let picture = upload(&seller, 40, 24).await;
    let rule = json!({"keyword": "图", "actions": [{"text": "请看"}, {"image": picture["image"]}, {"text": "还要吗"}]});
    seller.post("/api/v1/keywords", &rule).await.is(201);
    app.noticed().await;
    (app, shop, seller, picture)
}

/// The pictures that the buyer got.
fn got(shop: &Shop, conversation: &yutang::ids::ConversationId) -> Vec<(String, u32, u32)> {
    let bodies = shop.received(conversation).into_iter().map(|delivery| delivery.body);
    bodies
        .filter_map(|body| match body {
            sim::Body::Image { url, width, height } => Some((url, width, height)),
            _ => None,
        })
        .collect()
}

/// S20: what is shown is our own drawing, by its own type, and nothing else.
#[actix_web::test]
async fn s20_a_picture_is_kept_once_shown_safely_and_removed() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let picture = upload(&seller, 40, 24).await;
    assert_eq!(
        (&picture["width"], &picture["height"], &picture["mime"]),
        (&json!(40), &json!(24), &json!("image/png"))
    );
    let again = seller.send_bytes("/api/v1/pictures", "image/png", png(40, 24, [9, 9, 9])).await.is(200).json();
    assert_eq!(again, picture);
    let form = [
        &b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n"[..],
        &png(40, 24, [9, 9, 9]),
        b"\r\n--x--\r\n",
    ];
    let by_form = seller.send_bytes("/api/v1/pictures", "multipart/form-data; boundary=x", form.concat()).await;
    assert_eq!(by_form.is(200).json(), picture);
    let list = seller.get("/api/v1/pictures").await.is(200).json();
    assert_eq!((&list["total"], &list["items"][0]), (&json!(1), &picture));

    let path = format!("/api/v1/pictures/{}", picture["id"].as_str().unwrap());
    assert_eq!(seller.get(&path).await.is(200).json(), picture);
    let file = seller.get(&format!("{path}/file")).await.is(200);
    assert_eq!(i64::try_from(file.bytes.len()).ok(), picture["size_bytes"].as_i64());
    assert_eq!(image::load_from_memory(&file.bytes).unwrap().to_rgb8().get_pixel(1, 1).0, [9, 9, 9]);
    let disposition = format!("inline; filename=\"{}.png\"", picture["id"].as_str().unwrap());
    for (header, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", disposition.as_str()),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=31536000, immutable"),
    ] {
        assert_eq!(file.header(header), Some(value));
    }
    seller.delete(&path).await.is(204);
    seller.get(&path).await.refused(404, "not_found");
    seller.get(&format!("{path}/file")).await.refused(404, "not_found");
    let mut actions: Vec<_> =
        seller.audit("object_type=picture").await.into_iter().map(|line| line["action"].clone()).collect();
    actions.reverse();
    assert_eq!(actions, ["picture.create", "picture.delete"]);
}

/// S20: a file is looked at before it is kept, whatever it says it is.
#[actix_web::test]
async fn s20_what_is_no_good_picture_is_refused_with_what_is_wrong() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let send = async |kind: &str, body: Vec<u8>| seller.send_bytes("/api/v1/pictures", kind, body).await;
    let problem = |answer: Answer| answer.json()["details"]["problem"].as_str().unwrap().to_owned();
    let refused = async |body: Vec<u8>| problem(send("image/png", body).await.refused(422, "not_a_picture"));
    assert!(refused(b"<svg onload='alert(1)'/>".to_vec()).await.contains("JPEG, PNG, GIF or WebP"));
    assert!(refused(png(4097, 1, [0; 3])).await.contains("4097 x 1"));
    assert!(refused(png(40, 24, [0; 3])[..60].to_vec()).await.contains("damaged"));
    assert!(refused(vec![0; (5 << 20) + 1]).await.contains("5 MiB"));
    send("image/png", vec![0; 6 << 20]).await.refused(413, "body_too_large");
    assert!(
        problem(send("application/json", b"{}".to_vec()).await.refused(415, "unsupported_media_type"))
            .contains("picture")
    );
    for form in ["--x--\r\n", "", "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--x--\r\n"] {
        let refused = send("multipart/form-data; boundary=x", form.into()).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "file", "{form:?}");
    }
    assert_eq!(seller.get("/api/v1/pictures").await.json()["total"], 0);
}

#[actix_web::test]
async fn a_repeated_upload_is_done_once_by_its_key_also_where_it_is_large() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await.with("idempotency-key", "one");
    // Noise does not get smaller: more than an ordinary body may have.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels = RgbImage::from_fn(700, 700, |_, _| Rgb([noise(), noise(), noise()]));
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let bytes = bytes.into_inner();
    assert!(bytes.len() > 1 << 20);
    let first = seller.send_bytes("/api/v1/pictures", "image/png", bytes.clone()).await.is(201);
    let again = seller.send_bytes("/api/v1/pictures", "image/png", bytes).await.is(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), (Some("true"), first.json()));
}

#[actix_web::test]
async fn a_buyer_gets_the_picture_with_its_real_size_and_it_is_uploaded_once() {
    let (app, shop, _, picture) = picture_shop().await;
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    let uploads = shop.uploads();
    assert_eq!((uploads.len(), &*uploads[0].mime, uploads[0].width, uploads[0].height), (1, "image/png", 40, 24));
    assert_eq!(got(&shop, &said.conversation), [(uploads[0].url.clone(), 40, 24)]);
    assert_eq!(shop.seen(&said.conversation), ["请看", &*uploads[0].url, "还要吗"], "in the order of the rule");
    let sends = app.sends(&shop, &said.conversation);
    assert!(sends.iter().all(|send| send.state == State::Confirmed), "{sends:?}");
    let named = Body::Image { url: picture["image"].as_str().unwrap().into(), width: 0, height: 0 };
    assert_eq!(sends[1].body, named, "the row keeps the name");

    let second = shop.buyer_says("2200000000778", ITEM, "有图吗");
    app.settled_after(&shop, &second.conversation, 3).await;
    assert_eq!((got(&shop, &second.conversation).len(), shop.upload_requests()), (1, 1));
}

#[actix_web::test]
async fn the_upload_is_remembered_over_a_restart_and_made_by_each_account_for_itself() {
    let (mut app, shop, _, _) = picture_shop().await;
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    let second = app.open("second");
    app.restart().await;
    let again = shop.buyer_says("2200000000778", ITEM, "有图吗");
    app.settled_after(&shop, &again.conversation, 3).await;
    let other = second.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&second, &other.conversation, 3).await;
    assert_eq!((shop.upload_requests(), second.upload_requests()), (1, 1));
    assert_ne!(got(&shop, &again.conversation), got(&second, &other.conversation), "each has an address of its own");
}

#[actix_web::test]
async fn a_platform_that_does_not_say_the_size_gets_ours() {
    let (app, shop, _, _) = picture_shop().await;
    app.platform().change_faults(|faults| faults.uploads = Uploads::WithoutSize);
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    assert_eq!(got(&shop, &said.conversation), [(shop.uploads()[0].url.clone(), 40, 24)]);
}

#[actix_web::test]
async fn an_upload_that_fails_is_made_again_and_what_follows_waits_for_it() {
    let (app, shop, _, _) = picture_shop().await;
    app.platform().change_faults(|faults| faults.uploads = Uploads::Status(502));
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.eventually("it was tried", || (shop.upload_requests() > 0).then_some(())).await;
    app.platform().heal();
    app.settled_after(&shop, &said.conversation, 3).await;
    let url = shop.uploads()[0].url.clone();
    assert_eq!(shop.seen(&said.conversation), ["请看", &*url, "还要吗"]);
}

/// M15: whatever goes wrong with a picture, the buyer reads no word about it.
#[actix_web::test]
async fn m15_a_picture_that_cannot_be_uploaded_is_rejected_with_a_reason_that_no_buyer_sees() {
    let (app, shop, _, _) = picture_shop().await;
    app.platform().change_faults(|faults| faults.uploads = Uploads::Refused);
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    assert_eq!(shop.seen(&said.conversation), ["请看", "还要吗"]);
    let sends = app.sends(&shop, &said.conversation);
    assert_eq!((sends[1].state, sends[1].attempts, shop.upload_requests()), (State::Rejected, 0, 3));
    assert!(sends[1].reason.as_deref().unwrap().contains("names no picture"), "{:?}", sends[1].reason);
}

#[actix_web::test]
async fn a_login_page_for_an_upload_ends_the_session_and_texts_still_go() {
    let (app, shop, _, _) = picture_shop().await;
    app.platform().change_faults(|faults| faults.uploads = Uploads::LoginPage);
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    // The login was checked, and the upload made once more.
    assert_eq!((shop.seen(&said.conversation), shop.upload_requests()), (vec!["请看".into(), "还要吗".into()], 2));
    assert_eq!(shop.has_login_requests(), 1);
    let id = shop.id;
    let token = app.read(move |conn| account_tokens::load(conn, id)).unwrap();
    assert_eq!(token.breaker_reason.as_deref(), Some("session_expired"));
    app.becomes(&shop, state::State::Failed, Reason::SessionExpired).await;
    let sends = app.sends(&shop, &said.conversation);
    assert_eq!(sends[1].state, State::Rejected);
    // Not one more call until a person brought a cookie.
    app.platform().heal();
    let again = shop.buyer_says("2200000000778", ITEM, "有图吗");
    app.settled_after(&shop, &again.conversation, 3).await;
    assert_eq!(shop.upload_requests(), 2);
}

/// The seller's own phone shows the picture that we sent: that is no takeover.
#[actix_web::test]
async fn the_echo_of_a_picture_is_known_as_ours_also_without_an_answer() {
    let (app, shop, _, _) = picture_shop().await;
    app.platform().change_faults(|faults| faults.answer = sim::Answer::NoAnswer);
    let said = shop.buyer_says(BUYER, ITEM, "有图吗");
    app.settled_after(&shop, &said.conversation, 3).await;
    let sends = app.sends(&shop, &said.conversation);
    assert!(sends.iter().all(|send| send.state == State::Confirmed && send.message.is_some()), "{sends:?}");
    assert!(crate::harness::paused(&app).is_empty());
    app.platform().change_faults(|faults| faults.answer = sim::Answer::NoAnswerNoEcho);
    let silent = shop.buyer_says("2200000000778", ITEM, "有图吗");
    app.settled_after(&shop, &silent.conversation, 3).await;
    let states: Vec<_> = app.sends(&shop, &silent.conversation).into_iter().map(|send| send.state).collect();
    assert_eq!((states, got(&shop, &silent.conversation).len()), (vec![State::Confirmed; 3], 1));
}

#[actix_web::test]
async fn a_person_sends_an_uploaded_picture() {
    let (app, shop, seller, picture) = picture_shop().await;
    let said = shop.buyer_says(BUYER, ITEM, "在吗");
    app.answers(&shop, &said.conversation, &["答:在吗"]).await;
    let path = format!("/api/v1/conversations/{}.{}/messages", shop.id, said.conversation);
    let sent = seller.post(&path, &json!({"texts": ["稍等"], "pictures": [picture["id"]]})).await.is(202).json();
    assert_eq!((&sent[1]["body"]["url"], &sent[1]["body"]["width"]), (&picture["image"], &json!(40)));
    app.settled_after(&shop, &said.conversation, 3).await;
    assert_eq!(got(&shop, &said.conversation), [(shop.uploads()[0].url.clone(), 40, 24)]);
    seller.post(&path, &json!({"pictures": [picture["id"]]})).await.is(202);
    app.settled_after(&shop, &said.conversation, 4).await;
    for (body, field) in [
        (json!({"pictures": ["0a".repeat(32)]}), "pictures[0]"),
        (json!({"pictures": [picture["id"], "x".repeat(64)]}), "pictures[1]"),
        (json!({}), "texts"),
    ] {
        assert_eq!(seller.post(&path, &body).await.refused(422, "invalid_field").field(), field, "{body}");
    }
}

/// T2: a rule names only pictures of its own seller, and a picture in use is not removed.
#[actix_web::test]
async fn t2_a_rule_names_a_picture_that_its_seller_has() {
    let (app, shop, seller, picture) = picture_shop().await;
    app.person("rival", Role::Owner);
    let rival = app.signed_in("rival").await;
    let theirs = rival.send_bytes("/api/v1/pictures", "image/png", png(8, 8, [1, 2, 3])).await.is(201).json();
    for image in [theirs["image"].as_str().unwrap(), "picture:x", "ftp://x/y.png"] {
        let rule = json!({"keyword": "尺码", "actions": [{"text": "看"}, {"image": image}]});
        let refused = seller.post("/api/v1/keywords", &rule).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "actions[1].image", "{image}");
    }
    let path = format!("/api/v1/pictures/{}", picture["id"].as_str().unwrap());
    let refused = seller.delete(&path).await.refused(409, "picture_in_use").json();
    assert_eq!((&refused["details"]["rules"], &refused["details"]["sends"]), (&json!(1), &json!(0)));
    let rules = seller.get("/api/v1/keywords").await.json();
    let rule = format!("/api/v1/keywords/{}", rules["items"][0]["id"]);
    let patch = json!({"actions": [{"image": theirs["image"]}]});
    assert_eq!(seller.patch(&rule, &patch).await.refused(422, "invalid_field").field(), "actions[0].image");
    seller.delete(&rule).await.is(204);
    seller.delete(&path).await.is(204);
    assert_eq!(shop.upload_requests(), 0);
}
