//! The kinds of channels, and what each of their fields is.

use super::Panel;
use crate::notify::channel::Kind;

/// A field of a channel as a form shows it.
pub(super) struct FieldWords {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) is_required: bool,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
}

/// What is typed into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Line,
    Url,
    Email,
    Secret,
    /// Lines of names and values.
    SecretPairs,
    PostOrPut,
}

pub(super) fn kind_name(kind: Kind, panel: &Panel) -> &'static str {
    match kind {
        Kind::DingTalk => panel.t("钉钉群机器人", "DingTalk group robot"),
        Kind::Feishu => panel.t("飞书群机器人", "Feishu or Lark group robot"),
        Kind::WeCom => panel.t("企业微信群机器人", "WeCom group robot"),
        Kind::Telegram => "Telegram",
        Kind::Bark => panel.t("Bark（iPhone 推送）", "Bark (iPhone)"),
        Kind::PushPlus => panel.t("PushPlus（微信推送）", "PushPlus (WeChat)"),
        Kind::ServerChan => panel.t("Server 酱（微信推送）", "ServerChan (WeChat)"),
        Kind::Ntfy => "ntfy",
        Kind::Gotify => "Gotify",
        Kind::Email => panel.t("邮件", "E-mail"),
        Kind::Webhook => panel.t("自己的服务器（Webhook）", "A server of yours (webhook)"),
    }
}

/// For whom it is.
pub(super) fn kind_sentence(kind: Kind, panel: &Panel) -> &'static str {
    match kind {
        Kind::DingTalk => panel.t("发到一个钉钉群。", "To a group in DingTalk."),
        Kind::Feishu => panel.t("发到一个飞书或 Lark 群。", "To a group in Feishu or Lark."),
        Kind::WeCom => panel.t("发到一个企业微信群。", "To a group in WeCom."),
        Kind::Telegram => panel.t("由您的机器人发到聊天、群或频道。", "By your bot, to a chat, a group or a channel."),
        Kind::Bark => panel.t("推送到装了 Bark 的苹果手机。", "To an iPhone with the Bark app."),
        Kind::PushPlus => panel.t("通过 PushPlus 公众号推送到微信。", "To WeChat, through PushPlus."),
        Kind::ServerChan => panel.t("通过 Server 酱推送到微信。", "To WeChat, through ServerChan."),
        Kind::Ntfy => panel.t("推送到手机或电脑上的 ntfy。", "To the ntfy app of a phone or a desktop."),
        Kind::Gotify => panel.t("推送到自建的 Gotify 服务器。", "To a Gotify server of yours."),
        Kind::Email => panel.t(
            "发到一个邮箱，需要管理员设好邮件服务器。",
            "To a mailbox. The administrator must have set up a mail server.",
        ),
        Kind::Webhook => panel.t("把通知发给您自己的程序。", "To a program of yours."),
    }
}

const fn field(name: &'static str, shape: Shape, label: &'static str, hint: &'static str) -> FieldWords {
    FieldWords { name, shape, is_required: false, label, hint }
}

const fn required(name: &'static str, shape: Shape, label: &'static str, hint: &'static str) -> FieldWords {
    FieldWords { name, shape, is_required: true, label, hint }
}

/// The fields of a kind, as [`crate::notify::channel::Config`] reads them.
pub(super) fn fields(kind: Kind, panel: &Panel) -> Vec<FieldWords> {
    let t = |zh, en| panel.t(zh, en);
    match kind {
        Kind::DingTalk => vec![
            required(
                "webhook_url",
                Shape::Secret,
                t("Webhook 地址", "Webhook address"),
                t(
                    "钉钉群 → 群设置 → 机器人 → 添加机器人 → 自定义，建好后复制 https://oapi.dingtalk.com/robot/send?access_token=… 这一整行。",
                    "In the group: settings → robots → add → custom. Copy the whole line that begins with https://oapi.dingtalk.com/robot/send?access_token=.",
                ),
            ),
            field(
                "secret",
                Shape::Secret,
                t("加签密钥", "Signing secret"),
                t(
                    "机器人的安全设置选了“加签”时填写，以 SEC 开头。只用关键词的，请把“鱼塘”设为关键词。",
                    "Where the robot's security is set to signing; it begins with SEC. Where it asks for keywords, make 鱼塘 one of them.",
                ),
            ),
        ],
        Kind::Feishu => vec![
            required(
                "webhook_url",
                Shape::Secret,
                t("Webhook 地址", "Webhook address"),
                t(
                    "飞书群 → 设置 → 群机器人 → 添加机器人 → 自定义机器人，复制 Webhook 地址。",
                    "In the group: settings → bots → add → custom bot. Copy its webhook address.",
                ),
            ),
            field(
                "secret",
                Shape::Secret,
                t("签名密钥", "Signing secret"),
                t("机器人的安全设置里打开了“签名校验”时填写。", "Where the bot's security asks for signatures."),
            ),
        ],
        Kind::WeCom => vec![required(
            "webhook_url",
            Shape::Secret,
            t("Webhook 地址", "Webhook address"),
            t(
                "企业微信群 → 右上角菜单 → 添加群机器人，建好后复制 Webhook 地址。",
                "In the group: menu → add a group robot. Copy its webhook address.",
            ),
        )],
        Kind::Telegram => vec![
            required(
                "bot_token",
                Shape::Secret,
                t("机器人令牌", "Token of the bot"),
                t(
                    "在 Telegram 里找 @BotFather，发送 /newbot 建一个机器人，它会给您令牌。",
                    "Write /newbot to @BotFather in Telegram; it gives you the token.",
                ),
            ),
            required(
                "chat_id",
                Shape::Line,
                t("聊天 ID", "Chat id"),
                t(
                    "先给您的机器人发一条消息，再从 @userinfobot 查到您的数字 ID；群的 ID 以 -100 开头，频道写 @名称。",
                    "Write to your bot once, then ask @userinfobot for your number. Groups have one that begins with -100, channels a name with @.",
                ),
            ),
            field(
                "server_url",
                Shape::Url,
                t("服务器地址", "Server"),
                t(
                    "连不上 api.telegram.org 时，填反向代理的地址；一般留空。",
                    "Where api.telegram.org cannot be reached, a proxy of it. Usually empty.",
                ),
            ),
        ],
        Kind::Bark => vec![
            required(
                "device_key",
                Shape::Secret,
                t("设备 key", "Device key"),
                t(
                    "打开 Bark，首页的地址 https://api.day.app/ 后面那一段就是。",
                    "Open Bark: it follows https://api.day.app/ in the address on its first page.",
                ),
            ),
            field(
                "server_url",
                Shape::Url,
                t("服务器地址", "Server"),
                t(
                    "自建服务器时填写；留空用 https://api.day.app。",
                    "Of a server of yours. Empty: https://api.day.app.",
                ),
            ),
            field(
                "title",
                Shape::Line,
                t("标题", "Title"),
                t("推送的标题，留空为“鱼塘”。", "Of the messages. Empty: 鱼塘."),
            ),
            field(
                "sound",
                Shape::Line,
                t("铃声", "Sound"),
                t("Bark 里的铃声名称，例如 bell。", "The name of a sound in Bark, such as bell."),
            ),
            field("icon", Shape::Line, t("图标地址", "Icon"), t("一张图片的地址。", "The address of a picture.")),
            field(
                "group",
                Shape::Line,
                t("分组", "Group"),
                t("推送在通知中心的分组，留空为 yutang。", "Under which messages are grouped. Empty: yutang."),
            ),
            field(
                "url",
                Shape::Line,
                t("点开后打开", "Opens"),
                t("点推送时打开的地址。", "The address that a tap opens."),
            ),
        ],
        Kind::PushPlus => vec![
            required(
                "token",
                Shape::Secret,
                t("用户令牌", "Token"),
                t(
                    "登录 www.pushplus.plus，在“一对一消息”里复制您的 token。",
                    "Sign in at www.pushplus.plus and copy your token.",
                ),
            ),
            field(
                "topic",
                Shape::Line,
                t("群组编码", "Topic"),
                t("一对多推送时填写；只发给自己则留空。", "To send to several people. Empty: to yourself."),
            ),
            field("server_url", Shape::Url, t("服务器地址", "Server"), t("一般留空。", "Usually empty.")),
        ],
        Kind::ServerChan => vec![
            required(
                "send_key",
                Shape::Secret,
                "SendKey",
                t(
                    "登录 sct.ftqq.com，在“SendKey”页面复制，以 SCT 或 sctp 开头。",
                    "Sign in at sct.ftqq.com and copy it; it begins with SCT or sctp.",
                ),
            ),
            field(
                "server_url",
                Shape::Url,
                t("服务器地址", "Server"),
                t("一般留空，由 SendKey 决定。", "Usually empty: the key says which."),
            ),
        ],
        Kind::Ntfy => vec![
            required(
                "topic",
                Shape::Secret,
                t("主题", "Topic"),
                t(
                    "在 ntfy 里订阅的主题名称。知道它的人都能看到通知，请取一个猜不到的。",
                    "The topic that you follow in ntfy. Whoever knows it reads along: choose one that nobody guesses.",
                ),
            ),
            field(
                "server_url",
                Shape::Url,
                t("服务器地址", "Server"),
                t("自建服务器时填写；留空用 https://ntfy.sh。", "Of a server of yours. Empty: https://ntfy.sh."),
            ),
            field(
                "token",
                Shape::Secret,
                t("访问令牌", "Access token"),
                t("主题需要登录时填写，以 tk_ 开头。", "Where the topic asks for a login; it begins with tk_."),
            ),
        ],
        Kind::Gotify => vec![
            required(
                "server_url",
                Shape::Url,
                t("服务器地址", "Server"),
                t(
                    "您的 Gotify 地址，例如 https://gotify.example.com。",
                    "The address of your Gotify, such as https://gotify.example.com.",
                ),
            ),
            required(
                "token",
                Shape::Secret,
                t("应用令牌", "Application token"),
                t(
                    "在 Gotify 网页的 Apps 里新建应用，复制它的 token，以 A 开头。",
                    "Make an application under Apps in Gotify and copy its token; it begins with A.",
                ),
            ),
        ],
        Kind::Email => vec![required(
            "to",
            Shape::Email,
            t("收件邮箱", "Mailbox"),
            t("通知发到这个邮箱。", "Notices are sent there."),
        )],
        Kind::Webhook => vec![
            required(
                "webhook_url",
                Shape::Secret,
                t("地址", "Address"),
                t(
                    "您的程序接收通知的地址，https:// 开头。",
                    "Where your program takes notices; it begins with https://.",
                ),
            ),
            field(
                "secret",
                Shape::Secret,
                t("签名密钥", "Signing secret"),
                t(
                    "填写后每条通知都带 X-Yutang-Signature 签名，您的程序可以据此确认来源。",
                    "With it every notice carries a signature, X-Yutang-Signature, by which your program knows who sent it.",
                ),
            ),
            field("http_method", Shape::PostOrPut, t("请求方式", "Method"), t("一般用 POST。", "Usually POST.")),
            field(
                "headers",
                Shape::SecretPairs,
                t("请求头", "Headers"),
                t(
                    "一行一个，写成 名称: 值，例如 Authorization: Bearer abc。",
                    "One a line, as name: value, for example Authorization: Bearer abc.",
                ),
            ),
        ],
    }
}
