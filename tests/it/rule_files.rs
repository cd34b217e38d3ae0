//! Rules as files that sellers fill in, and what is doubtful about rules.

use calamine::{Reader as _, Xlsx};
use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    ai::settings::AiChoices,
    ids::Timestamp,
    reply::rule::{Action, RuleBody},
    store::answer_settings::{self, AnswerRow},
};

use crate::{
    client::{Answer, Api},
    forms::PageForm,
    harness::{Shop, TestApp, contains},
};

const CSV: &str = "text/csv";

/// A shop on a server, and its seller.
async fn shop() -> (TestApp, Shop, Api) {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let seller = app.signed_in("seller").await;
    (app, shop, seller)
}

async fn import(api: &Api, set: &str, query: &str, file: &str) -> Answer {
    api.send_bytes(&format!("/api/v1/rule-sets/{set}/import?format=csv&{query}"), CSV, file.as_bytes().to_vec()).await
}

fn outcomes(report: &Value) -> Vec<&str> {
    report["rows"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect()
}

async fn keywords(api: &Api) -> Vec<String> {
    let page = api.get("/api/v1/keywords").await.is(200).json();
    page["items"].as_array().unwrap().iter().map(|rule| rule["keyword"].as_str().unwrap().to_owned()).collect()
}

/// P5: what an import would do is told first, and what it does not name stays unless somebody wants it gone.
#[actix_web::test]
async fn p5_a_table_of_the_older_program_is_tried_taken_and_taken_back() {
    let (app, shop, seller) = shop().await;
    let set = shop.id.to_string();
    app.rule(RuleBody { account: Some(shop.id), ..contains("旧", "在") });
    app.noticed().await;
    let file = "关键词,商品ID,关键词内容\r\n在吗,,\"在的\n请直接拍下\"\r\n在吗,900000000001,在的\r\n旧,,新\r\n图,,图片：https://a.example/1.png\r\n";

    let tried = import(&seller, &set, "mode=replace", file).await.is(200).json();
    assert_eq!((outcomes(&tried), &tried["dry_run"]), (vec!["added", "added", "updated", "added"], &json!(true)));
    assert_eq!(keywords(&seller).await, ["旧"], "nothing was written");

    let taken = import(&seller, &set, "dry_run=false", file).await.is(200).json();
    assert_eq!((&taken["added"], &taken["updated"], &taken["errors"]), (&json!(3), &json!(1), &json!(0)));
    assert!(taken["rows"].as_array().unwrap().iter().all(|row| row["rule_id"].is_i64()));
    let said = shop.buyer_says("2200000000777", "900000000002", "在吗");
    app.answers(&shop, &said.conversation, &["在的\n请直接拍下"]).await;
    let versions = seller.get(&format!("/api/v1/rule-sets/{set}/versions")).await.is(200).json();
    assert_eq!((&versions["items"][0]["cause"], &versions["items"][0]["added"]), (&json!("import"), &json!(3)));

    let again = import(&seller, &set, "dry_run=false", file).await.is(200).json();
    assert_eq!(again["unchanged"], 4);
    let rest = "关键词,商品ID,关键词内容\r\n旧,,新\r\n";
    let replaced = import(&seller, &set, "dry_run=false&mode=replace", rest).await.is(200).json();
    assert_eq!(replaced["removed"].as_array().unwrap().len(), 3);
    assert_eq!(keywords(&seller).await, ["旧"]);
    let audit = seller.audit("action=rule_set.import").await;
    assert_eq!((audit.len(), &audit[0]["after"]["removed"]), (3, &json!(3)));
}

/// A file as a page's form sends it; the answer is the page that it leads to.
async fn upload(browser: &Api, page: &str, query: [(&str, &str); 3], file: &str) -> String {
    let form = PageForm::on(&browser.get(page).await.is(200), "import");
    let form = query.iter().fold(form, |form, (name, value)| form.with(&format!("_query.{name}"), value));
    form.send_file(browser, "rules.csv", "text/csv", file.as_bytes()).await.text
}

/// P5, by hand: an import on the page adds and changes; what it would take away is told before, and asked about.
#[actix_web::test]
async fn p5_an_import_on_the_page_keeps_what_the_file_does_not_name_unless_it_is_to_be_replaced() {
    let (app, shop, seller) = shop().await;
    app.rule(RuleBody { account: Some(shop.id), ..contains("旧", "在") });
    app.noticed().await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let page = format!("/app/rules?account={}", shop.id);
    let shown = browser.get(&page).await.is(200).text;
    let replacing = shown.split("<form").find(|form| form.contains("value=\"replace\"")).unwrap();
    assert!(replacing.contains("hx-confirm=") && replacing.contains("are removed"), "{replacing}");
    let file = "关键词,商品ID,关键词内容\r\n新,,在的\r\n";

    let merge = [("format", "csv"), ("mode", ""), ("dry_run", "false")];
    let told = upload(&browser, &page, merge, file).await;
    assert!(told.contains("1 added, 0 changed, 0 as before, 0 removed."), "{told}");
    let mut kept = keywords(&seller).await;
    kept.sort();
    assert_eq!(kept, ["新", "旧"]);

    let check = [("format", "csv"), ("mode", "replace"), ("dry_run", "true")];
    let told = upload(&browser, &page, check, file).await;
    assert!(told.contains("Nothing was written. The file would add 0, change 0, leave 1 and remove 1;"), "{told}");
    assert_eq!(keywords(&seller).await.len(), 2);
    let replace = [("format", "csv"), ("mode", "replace"), ("dry_run", "false")];
    let told = upload(&browser, &page, replace, file).await;
    assert!(told.contains("0 added, 0 changed, 1 as before, 1 removed."), "{told}");
    assert_eq!(keywords(&seller).await, ["新"]);
}

#[actix_web::test]
async fn one_bad_row_refuses_the_whole_file_and_every_bad_one_is_told() {
    let (_app, shop, seller) = shop().await;
    let long = "长".repeat(201);
    let picture = format!("picture:{}", "0a".repeat(32));
    let file = format!(
        "关键词,匹配,动作,每日上限\r\n好,,文本: 好,\r\n(,正则,文本: x,\r\n{long},,文本: x,\r\na,,图片: {picture},\r\nb,,图片: ftp://a,\r\nc,,转人工: nobody,\r\nd,,文本: ,\r\n好,,文本: 又,\r\ne,,暂停: 5,0\r\n"
    );
    let set = shop.id.to_string();
    let tried = import(&seller, &set, "", &file).await.is(200).json();
    let refused = import(&seller, &set, "dry_run=false", &file).await.refused(422, "invalid_field").json();
    let report = &refused["details"]["report"];
    assert_eq!(report["rows"], tried["rows"]);
    let bad: Vec<(i64, &str)> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "error")
        .map(|row| (row["row"].as_i64().unwrap(), row["problems"][0]["field"].as_str().unwrap()))
        .collect();
    let expected = [
        (3, "keyword"),
        (4, "keyword"),
        (5, "actions[0].image"),
        (6, "actions[0].image"),
        (7, "actions[0].hand_over"),
        (8, "actions[0].text"),
        (9, "keyword"),
        (10, "per_day"),
    ];
    assert_eq!(bad, expected);
    assert_eq!(keywords(&seller).await, Vec::<String>::new());
    let chinese = seller.with("accept-language", "zh");
    let refused = import(&chinese, &set, "dry_run=false", &file).await.refused(422, "invalid_field").json();
    assert_eq!(refused["details"]["report"]["rows"][1]["problems"][0]["problem"], "正则表达式有误：括号未闭合");
}

#[actix_web::test]
async fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
    let (_app, _shop, seller) = shop().await;
    let send = async |query: &str, kind: &str, file: &[u8]| {
        seller.send_bytes(&format!("/api/v1/rule-sets/shared/import?{query}"), kind, file.to_vec()).await
    };
    send("format=xlsx", "application/octet-stream", b"hello").await.refused(422, "invalid_field");
    send("format=csv", CSV, b"a,b\n1,2").await.refused(422, "invalid_field");
    send("format=json", "application/json", b"{}").await.refused(422, "invalid_field");
    send("format=csv", "text/html", b"").await.refused(415, "unsupported_media_type");
    send("", CSV, b"").await.refused(400, "invalid_query");
    let large = vec![b'x'; (16 << 20) + 1];
    send("format=csv", CSV, &large).await.refused(413, "body_too_large");
}

/// Everything a rule may be, in each format, comes back as it was.
#[actix_web::test]
async fn what_is_exported_is_imported_unchanged() {
    let (_app, shop, seller) = shop().await;
    let account = shop.id.0;
    let everything = json!({
        "keyword": "=1+1", "match": "exact", "any_of": ["a|b", "-c"], "all_of": ["今天"], "exclude": ["\\"], "only_accounts": [account],
        "item_ids": ["900000000001", "900000000002"],
        "conditions": {"hours": [{"days": [1, 2, 3, 4, 5], "from": "22:00", "to": "08:00"}], "tags": ["VIP"], "without_tags": ["同行"],
            "bought_before": true, "first_contact": false},
        "actions": [{"text": "在的\n文本: 拍下\r\n"}, {"image": "https://a.example/1.png"}, {"pause": 60}, {"tag": "老客户"}, {"untag": "新客户"},
            {"notify": "+来了"}, {"hand_over": null}],
        "once": true, "per_day": 3, "priority": -5, "enabled": false,
    });
    seller.post("/api/v1/keywords", &everything).await.is(201);
    seller.post("/api/v1/default-replies", &json!({"actions": [{"text": "@稍等"}]})).await.is(201);
    let silent = json!({"trigger": "silent", "silent_minutes": 30, "delay_s": 5, "actions": [{"text": "还在吗"}]});
    seller.post("/api/v1/event-rules", &silent).await.is(201);
    for language in ["zh", "en"] {
        for (format, kind) in [("xlsx", "application/octet-stream"), ("csv", CSV), ("json", "application/json")] {
            let client = seller_in(language, &seller);
            let file = client.get(&format!("/api/v1/rule-sets/shared/export?format={format}")).await.is(200);
            let name = format!("attachment; filename=\"rules-shared.{format}\"");
            assert_eq!(file.header("content-disposition"), Some(&*name));
            let path = format!("/api/v1/rule-sets/shared/import?format={format}&mode=replace&dry_run=false");
            let report = client.send_bytes(&path, kind, file.bytes).await.is(200).json();
            assert_eq!(outcomes(&report), ["unchanged"; 3], "{language} {format}");
            assert_eq!(report["removed"], json!([]));
        }
    }
    let json = seller.get("/api/v1/rule-sets/shared/export?format=json").await.is(200).json();
    assert_eq!(json[0]["only_accounts"], json!(["shop"]));
    assert_eq!(json[0].get("account_id"), None);
    let audit = seller.audit("action=rule_set.export").await;
    assert_eq!(audit[0]["after"], json!({"rules": 3, "left_out": 0}));
}

fn seller_in(language: &str, seller: &Api) -> Api {
    seller.as_who().with("accept-language", language)
}

#[actix_web::test]
async fn a_simple_table_has_the_columns_of_the_older_program_and_only_what_fits() {
    let (app, shop, seller) = shop().await;
    let own = |keyword: &str, actions| RuleBody { account: Some(shop.id), actions, ..contains(keyword, "") };
    app.rules(vec![
        own("在吗", vec![Action::Text("=在的".into())]),
        RuleBody {
            items: vec!["900000000001".into()],
            ..own("图", vec![Action::Image("https://a.example/1.png".into())])
        },
        RuleBody { priority: 5, ..own("vip", Vec::new()) },
    ]);
    let path = format!("/api/v1/rule-sets/{}/export?layout=simple", shop.id);
    let file = seller_in("zh", &seller).get(&path).await.is(200);
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(file.bytes)).unwrap();
    assert!(book.worksheet_formula("关键词数据").unwrap().is_empty(), "no cell is a formula");
    let range = book.worksheet_range("关键词数据").unwrap();
    let rows: Vec<Vec<String>> = range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(
        rows,
        [
            ["关键词", "商品ID", "关键词内容"],
            ["在吗", "", "=在的"],
            ["图", "900000000001", "图片: https://a.example/1.png"]
        ]
    );
    let csv = seller.get(&format!("{path}&format=csv")).await.is(200);
    assert_eq!(
        csv.text,
        "\u{feff}keyword,item_ids,reply\r\n在吗,,'=在的\r\n图,900000000001,图片: https://a.example/1.png\r\n"
    );
}

#[actix_web::test]
async fn a_file_may_be_prepared_and_what_is_prepared_is_not_overwritten() {
    let (app, _shop, seller) = shop().await;
    app.rules(vec![contains("a", "1"), contains("b", "1")]);
    let file = "keyword,actions\r\na,text: 2\r\nc,text: 2\r\n";
    let prepared = import(&seller, "shared", "dry_run=false&draft=true&mode=replace", file).await.is(200).json();
    assert_eq!(outcomes(&prepared), ["updated", "added"]);
    let draft = seller.get("/api/v1/rule-sets/shared/draft").await.is(200).json();
    assert_eq!(draft["total"], 3);
    let refused = import(&seller, "shared", "dry_run=false", "keyword,actions\r\na,text: 3\r\n").await.is(422).json();
    assert_eq!(refused["details"]["report"]["errors"], 1);
    import(&seller, "shared", "mode=replace", file).await.refused(409, "wrong_state");
    let again = import(&seller, "shared", "dry_run=false&draft=true", file).await.is(200).json();
    assert_eq!(again["unchanged"], 2);
    seller.post("/api/v1/rule-sets/shared/publish", &json!({})).await.is(200);
    assert_eq!(keywords(&seller).await, ["a", "c"]);
}

#[actix_web::test]
async fn ten_thousand_rules_are_taken_at_once() {
    let (app, _shop, seller) = shop().await;
    let rows: String = (0..10_000).map(|number| format!("词{number},{number},文本: 回复{number}\r\n")).collect();
    let file = format!("关键词,商品ID,动作\r\n{rows}");
    let report = import(&seller, "shared", "dry_run=false", &file).await.is(200).json();
    assert_eq!((&report["added"], &report["errors"]), (&json!(10_000), &json!(0)));
    let path = "/api/v1/rule-sets/shared/export?format=csv";
    assert_eq!(seller.get(path).await.is(200).text.lines().count(), 10_001);
    app.noticed().await;
}

/// What is doubtful is told when a rule is saved, in the caller's words, and the mark of the rule stays its own.
#[actix_web::test]
async fn what_is_doubtful_about_a_rule_is_told_and_nothing_is_refused() {
    let (app, shop, seller) = shop().await;
    let scope = app.scope();
    let forbidden = AiChoices { forbidden: Some(vec!["假货".into()]), ..AiChoices::default() };
    let row = AnswerRow { ai: forbidden, ..AnswerRow::default() };
    app.write(move |conn| answer_settings::put(conn, &scope, shop.id, &row, Timestamp(1)));
    let codes = |answer: &Value| -> Vec<String> {
        answer["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|warning| warning["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let new = json!({"keyword": "价格", "actions": [{"text": "加微信 abc12345"}, {"text": "不是假货"}]});
    let first = seller.post("/api/v1/keywords", &new).await.is(201);
    assert_eq!(codes(&first.json()), ["contact", "forbidden_word"]);
    let path = format!("/api/v1/keywords/{}", first.json()["id"]);
    let shown = seller.get(&path).await.is(200);
    assert_eq!(shown.header("etag"), first.header("etag"));
    assert_eq!(shown.json().get("warnings"), None);

    let wide = json!({"keyword": "价", "priority": 9, "actions": []});
    let wide = seller.post("/api/v1/keywords?draft=true", &wide).await.is(201).json();
    assert_eq!(codes(&wide), ["shadows", "short_keyword", "no_action"]);
    assert_eq!(
        (&wide["warnings"][0]["rule_id"], &wide["warnings"][0]["other_rule_id"]),
        (&wide["id"], &first.json()["id"])
    );
    let published = seller.post("/api/v1/rule-sets/shared/publish", &json!({})).await.is(200).json();
    assert_eq!(codes(&published), ["shadows", "short_keyword", "no_action"]);

    let page = seller.get("/api/v1/rule-sets/shared/warnings?per_page=2").await.is(200).json();
    assert_eq!((&page["total"], page["items"].as_array().unwrap().len()), (&json!(6), 2));
    assert_eq!(page["items"][0]["code"], "shadowed");
    let chinese = seller_in("zh", &seller).get("/api/v1/rule-sets/shared/warnings").await.json();
    assert!(chinese["items"][0]["text"].as_str().unwrap().starts_with("不会生效"));

    let other = json!({"trigger": "order_paid", "actions": []});
    assert_eq!(codes(&seller.post("/api/v1/event-rules", &other).await.is(201).json()), ["no_action"]);
    let twice = seller.post("/api/v1/default-replies", &json!({"actions": [{"text": "稍等"}]})).await.is(201).json();
    assert_eq!(codes(&twice), Vec::<String>::new());
    let report = import(&seller, "shared", "", "keyword,actions\r\n最低价格,text: 好\r\n").await.is(200).json();
    assert_eq!((&report["warnings"][0]["code"], &report["warnings"][0]["row"]), (&json!("shadowed"), &json!(2)));
    assert_eq!(
        (&report["warnings"][0]["rule_id"], &report["warnings"][0]["other_rule_id"]),
        (&Value::Null, &wide["id"])
    );
    let file = "keyword,actions,priority\r\n发货时间,text: 好,\r\n发货,text: 好,5\r\n";
    let report = import(&seller, "shared", "", file).await.is(200).json();
    assert_eq!((&report["warnings"][0]["row"], &report["warnings"][0]["other_row"]), (&json!(2), &json!(3)));
    assert_eq!(report["warnings"][0]["text"], "it never answers: another rule always answers first");
}

#[actix_web::test]
async fn who_sees_one_account_reads_its_set_and_changes_nothing_of_the_shared_one() {
    let (app, shop, _seller) = shop().await;
    app.employ("helper", Role::Viewer, Some(app.scope().user()), &[shop.id]);
    let viewer = app.signed_in("helper").await;
    viewer.get(&format!("/api/v1/rule-sets/{}/export?format=csv", shop.id)).await.is(200);
    viewer.get("/api/v1/rule-sets/999999/export").await.refused(404, "not_found");
    import(&viewer, "shared", "", "keyword,actions\r\na,\r\n").await.refused(403, "forbidden");
}
