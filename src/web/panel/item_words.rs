//! Items and whether they would be delivered, in the words and looks of the panel.

use super::{
    super::{
        api::items::{ItemView, SyncView},
        error::Language,
    },
    Panel,
    counts::counted,
};
use crate::{delivery::readiness::Verdict, item::progress::SyncState, platform::mtop::item::ItemStatus};

/// Whether it can be bought.
pub(super) fn status(status: ItemStatus, panel: &Panel) -> &'static str {
    match status {
        ItemStatus::OnSale => panel.t("在售", "on sale"),
        ItemStatus::OffSale => panel.t("已下架", "off sale"),
        ItemStatus::Gone => panel.t("闲鱼上已没有", "gone from the platform"),
        ItemStatus::Unknown => panel.t("状态未知", "not known"),
    }
}

/// The look and the words of whether the next order would be delivered.
pub(super) fn verdict(verdict: Verdict, panel: &Panel) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Ready => ("good", panel.t("可以自动发货", "ready to be delivered")),
        Verdict::NotReady => ("bad", panel.t("还不能自动发货", "not ready to be delivered")),
        Verdict::Off => ("", panel.t("未开启自动发货", "deliveries are off")),
    }
}

/// Its picture, where the page may show it; else empty.
pub(super) fn picture(item: &ItemView) -> String {
    let is_ours = |url: &&String| (url.starts_with('/') && !url.starts_with("//")) || url.starts_with("data:image/");
    item.picture_url.as_ref().filter(is_ours).cloned().unwrap_or_default()
}

/// How the reading of an account's list stands, and its look.
pub(super) fn sync(sync: &SyncView, panel: &Panel) -> (&'static str, String) {
    let SyncView { state, page, done, total, .. } = sync;
    let of_all = total.map(|total| format!("/{total}")).unwrap_or_default();
    let chinese = panel.language == Language::Chinese;
    match state {
        SyncState::Idle => ("", panel.t("还没有同步过", "never read").to_owned()),
        SyncState::Queued => ("warm", panel.t("等待账号在线后开始", "begins once the account is online").to_owned()),
        SyncState::Running if chinese => ("warm", format!("正在读取第 {page} 页，已读取 {done}{of_all} 件")),
        SyncState::Running => ("warm", format!("reading page {page}, items so far: {done}{of_all}")),
        SyncState::Done if chinese => ("good", format!("已同步 {done} 件商品")),
        SyncState::Done => ("good", counted(done, "item was read", "items were read")),
        SyncState::Failed => ("bad", panel.t("没有成功，稍后自动重试", "failed, and is tried again later").to_owned()),
    }
}

/// In how many seconds there may be more to tell of it; 0: nothing is under way.
pub(super) fn again(sync: &SyncView) -> u32 {
    match sync.state {
        SyncState::Running => 2,
        SyncState::Queued => 5,
        // The list is read; what is on it is read one by one, at the pace of the settings.
        SyncState::Done if sync.details_left > 0 => 10,
        SyncState::Idle | SyncState::Done | SyncState::Failed => 0,
    }
}

/// What is still to be read after the list; empty: nothing.
pub(super) fn details_left(sync: &SyncView, panel: &Panel) -> String {
    match (sync.details_left, panel.language) {
        (0, _) => String::new(),
        (left, Language::Chinese) => format!("还有 {left} 件商品的详情待读取"),
        (left, Language::English) => format!("the details of {} are still to be read", counted(left, "item", "items")),
    }
}
