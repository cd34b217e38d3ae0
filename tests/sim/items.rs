//! What an account sells: its list, page by page, and one item in full.

use serde_json::json;
use yutang::sim::Listing;

use crate::{World, client::call};

const LIST: &str = "mtop.idle.web.xyh.item.list";
const DETAIL: &str = "mtop.taobao.idle.pc.detail";

#[actix_web::test]
async fn what_is_on_sale_is_listed_in_pages_of_the_wanted_size() {
    let world = World::new();
    (1..=5).for_each(|number| world.shop.sell(Listing::new(&format!("90000000000{number}"), "相机")));
    world.shop.change_listing("900000000002", |listing| listing.on_sale = false);
    let page = async |number: u32| {
        let data = json!({"pageNumber": number, "pageSize": 3, "groupId": "58877261", "userId": world.shop.uid});
        let answer = call(world.sim.addr(), &world.jar, LIST, &data.to_string()).await;
        let cards = answer.body["data"]["cardList"].as_array().unwrap().clone();
        cards.iter().map(|card| card["cardData"]["id"].as_str().unwrap()[11..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(1).await, ["1", "3", "4"]);
    assert_eq!(page(2).await, ["5"]);
    assert!(page(3).await.is_empty());
}

#[actix_web::test]
async fn an_items_detail_follows_its_listing() {
    let world = World::new();
    world.shop.sell(Listing { price: 5, ..Listing::new("900000000001", "相机") });
    world.shop.change_listing("900000000001", |listing| listing.title = "二手相机".into());
    let answer = call(world.sim.addr(), &world.jar, DETAIL, r#"{"itemId":"900000000001"}"#).await;
    let item = &answer.body["data"]["itemDO"];
    assert_eq!((item["title"].as_str(), item["soldPrice"].as_str()), (Some("二手相机"), Some("0.05")));
    assert_eq!(answer.body["data"]["sellerDO"]["sellerId"], world.shop.uid.as_str());
}
