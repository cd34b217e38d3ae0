//! What every setting means, in Chinese; in English `default.toml` says it.

/// Empty where there is no such setting.
pub(super) fn meaning_in_chinese(key: &str) -> &'static str {
    match key.split_once('.').map_or("", |(section, _)| section) {
        "platform" | "accounts" => of_accounts(key),
        "inbox" | "reply" | "outbox" | "outgoing" | "ai" | "items" | "orders" | "notify" => of_work(key),
        _ => of_server(key),
    }
}

fn of_server(key: &str) -> &'static str {
    match key {
        "data_dir" => {
            "数据文件夹：数据库、密钥文件和其他需要保存的内容都在这里，首次启动时自动创建。相对路径以启动时的目录为准。"
        }
        "database.url" => {
            "数据库地址：SQLite 文件路径，或 postgres://用户:密码@主机/库名。留空则使用数据文件夹中的 yutang.db。"
        }
        "database.synchronous" => {
            "仅用于 SQLite。normal：断电不会损坏数据，但可能丢失最后几次写入；full：一次也不丢，但较慢。"
        }
        "server.listen" => {
            "网页和接口的监听地址与端口。建议只监听本机，前面放一个带 HTTPS 的反向代理；端口填 0 表示自动选择。"
        }
        "server.shards" => "账号分摊到多少个线程。0 表示每个处理器核心一个。",
        "server.shutdown" => "关闭程序时，最多等待多久来处理完手头的工作。",
        "server.requests" => "同时处理的网页和接口请求数，其余的最多排队两秒。至少 1。",
        "server.trusted_proxies" => {
            "可信反向代理的地址，只有它们转发的访客地址和 HTTPS 标记会被采信。留空表示都不采信。"
        }
        "server.docs" => "是否向已登录的人开放接口文档（/docs、/redoc）。",
        "server.public_url" => {
            "别人访问本服务器所用的网址，例如 https://shop.example，通知中的链接以它开头。留空则用 http:// 加监听地址。"
        }
        "server.cors_origins" => "允许哪些其他网站的页面凭令牌使用接口；“*”表示任何网站。Cookie 永远不会随之发送。",
        "server.client_timeout" => {
            "客户端发送请求头、请求正文各自最多用时。超过三倍时间仍不接收回答的连接会被断开（Linux）。"
        }
        "captcha.chromium" => "人工验证所用 Chromium 的路径。留空则自动查找；找不到时，请在自己的浏览器中完成验证。",
        "captcha.at_once" => "同时显示的人工验证数。至少 1。",
        "captcha.life" => "一次人工验证最多等待多久。",
        "captcha.memory_mb" => "验证浏览器连同所有页面可用的内存，超出会被关闭。至少 300。",
        "maintenance.at" => "每晚清理过期数据的时间，以及与 UTC 的时差。",
        "backup.folder" => {
            "SQLite 数据库每晚备份的存放文件夹，只有所有者可读。相对路径以数据文件夹为准；留空则放在数据库旁边的 backups 文件夹。密钥不在备份中，请另外保存。PostgreSQL 请用 pg_dump 备份。"
        }
        "backup.keep" => "保留多少份备份：新的一份完成并校验后，删除最旧的。0 表示夜间不备份，也不删除。",
        "backup.at" => "每晚几点备份，注明与 UTC 的时差。",
        "log.level" => {
            "记录哪些日志：error、warn、info、debug 或 trace，也可按模块设置，例如“info,yutang::inbox=debug”。"
        }
        "log.format" => "日志格式：text 便于人看，json 便于程序读取（每行一条）。",
        "log.files" => "服务器是否同时把日志写入文件。命令行工具从不写入。",
        "log.dir" => "日志文件夹，只有所有者可读。相对路径以数据文件夹为准。",
        "log.file_size" => "单个日志文件的上限，超过就换下一个。至少 64KiB。",
        "log.total_size" => "所有日志文件合计的上限，超过时删除最旧的。不小于单个文件的上限。",
        "log.keep_days" => "日志文件保留多少天（按 UTC 日期）；若系统设置中的保留期更短，则以更短的为准。至少 1。",
        "log.ring_records" => "内存中保留多少条最近的日志，供“日志”页面查看。0 表示不保留。",
        "log.ring_size" => "这些日志最多占用多少内存。",
        "setup.admin_name" => "用密码文件创建的首位管理员的用户名。",
        "setup.admin_password_file" => {
            "存放首位管理员密码的文件，用于无人值守的首次启动。留空则在启动时显示一个只能用一次的链接。"
        }
        "secrets.key" => {
            "加密 Cookie 和令牌的密钥（32 字节，base64）。应放在环境变量 YUTANG__SECRETS__KEY 中。留空则使用密钥文件。"
        }
        "secrets.key_file" => "密钥文件，首次启动时创建，只有所有者可读。相对路径以数据文件夹为准。",
        "health.cpu_percent" => "十秒内处理器平均占用超过此值时，健康检查报告异常。1 到 100。",
        "health.memory_percent" => "内存占用超过此值时，健康检查报告异常。1 到 100。",
        "health.disk_free_mib" => "数据文件夹所在磁盘的剩余空间低于此值时，健康检查报告异常。0 表示不检查。",
        "health.backlog" => "待发送消息不超过此数时视为正常繁忙，不论是否增加。",
        "health.backlog_window" => "待发送消息超过上述数量，并在这段时间内持续增加，即视为异常。",
        "health.refuse" => "哪些检查异常时健康检查返回 503，用逗号分隔。",
        "metrics.token" => "读取监控指标（/metrics）所需的令牌，至少 16 个字符。留空则不提供监控指标。",
        _ => "",
    }
}

fn of_accounts(key: &str) -> &'static str {
    match key {
        "platform.gateway_url" => "闲鱼接口网关的地址。",
        "platform.im_url" => "闲鱼聊天连接（WebSocket）的地址。",
        "platform.passport_url" => "闲鱼登录服务的地址。",
        "platform.upload_url" => "闲鱼图片上传服务的地址。",
        "platform.user_agent" => "每个请求所带的浏览器标识，应与获取 Cookie 的浏览器一致。",
        "platform.heartbeat" => "连接的心跳间隔。",
        "platform.dead_after" => "心跳多久没有回应即视为断线。须长于心跳间隔。",
        "platform.register_wait" => "连接注册最多等待闲鱼多久。",
        "platform.request_wait" => "聊天连接上的其他请求最多等待闲鱼多久。",
        "platform.gateway_wait" => "一次网关请求从连接到收完最多用时。",
        "platform.upload_wait" => "上传一张图片从连接到收完回答最多用时。",
        "platform.connect_wait" => "建立聊天连接最多用时，含 TLS 和握手。",
        "platform.stall_after" => "连接多久没有收到任何内容，就与会话列表核对一次。0s 表示从不核对。",
        "accounts.connecting" => "同时正在连接的账号数。至少 1。",
        "accounts.open_sockets" => "同时保持的连接数，超出的账号排队等待。0 表示不限。",
        "accounts.pace" => "每秒开始连接的账号数。0 表示不限。",
        "accounts.token_budget" => "每个账号每天（UTC）最多申请多少次访问令牌。至少 1。",
        "accounts.logins_at_once" => "同时进行的账号登录（扫码或 Cookie）数。至少 1。",
        "accounts.retries" => "连续失败多少次后，账号报告“重试次数用尽”并放慢重连。至少 1。",
        "accounts.backoff_first" => "首次重连前的等待，每失败一次翻倍。",
        "accounts.backoff_max" => "两次重连之间的最长等待。",
        "accounts.backoff_slow" => "重试次数用尽后，两次重连之间的等待。",
        _ => "",
    }
}

fn of_work(key: &str) -> &'static str {
    match key {
        "inbox.debounce" => "买家停止输入多久后，把连续的几条消息合在一起回复。0s 表示逐条立即回复。",
        "inbox.longest_wait" => "买家一直在写时，最多等多久就回复。",
        "inbox.age_limit" => "早于这段时间的消息不再自动回复，转为等待人工处理。",
        "inbox.takeover_pause" => "卖家亲自回复后，这个会话停止自动回复多久。0s 表示不停止。",
        "inbox.gap_overlap" => "查找漏收的消息时，从最后一条再往前多找多久。",
        "reply.account_work" => "单个账号同时处理的回复数，其余的排队，避免一个账号拖慢其他账号。至少 1。",
        "reply.conversations" => "每个线程在内存中保留的会话数，其余的从数据库读取。至少 1000。",
        "reply.items" => "每个线程记住卖家的商品数。至少 1。",
        "outbox.rate" => "单个账号平均每秒最多发送的消息数。0 表示不限。",
        "outbox.burst" => "单个账号一次最多连发的消息数，之后按每秒的限制发送。0 表示不限。",
        "outbox.expire_after" => "回复超过这段时间仍未发出，就不再发送。",
        "outbox.answer_wait" => "发送后多久没有回音，就到会话记录中查找是否已发出。",
        "outbox.attempts" => "一条消息最多尝试发送多少次。至少 1。",
        "outgoing.allow" => {
            "通知、AI、外部接口等用户填写的地址中，允许访问哪些非公网地址，例如 192.168.1.20 或 127.0.0.0/8。留空表示都不允许。"
        }
        "outgoing.connect_wait" => "域名解析加连接最多用时，TLS 另计同样的时间。",
        "ai.at_once" => "同时向一个 AI 服务发出的请求数（所有账号合计），其余的排队。",
        "ai.account_at_once" => "其中单个账号最多占用多少；账号少时可以多给一些。至少 1。",
        "ai.failures" => "AI 服务连续失败多少次后暂停使用。至少 1。",
        "ai.rest" => "暂停多久后再试一次；仍失败则翻倍，最多 16 倍。",
        "items.sync_every" => "多久读取一次在售商品列表（上下浮动十分之一）。0s 表示仅在手动同步时读取。",
        "items.retry_after" => "商品列表或商品读取失败后，多久再试。",
        "items.calls_per_minute" => "单个账号平均每分钟关于商品的请求数。0 表示不限。",
        "items.polish_from" => "每天从零点（UTC+8）后多久开始擦亮商品。",
        "items.polish_span" => "擦亮分散在多长时间内完成，每件商品时间不同。与上一项合计不超过 24 小时。",
        "orders.compare_every" => "多久与闲鱼核对一次待发货订单（每次连接后也会核对）。0s 表示不核对。",
        "orders.fresh" => "发货前，订单信息超过这段时间就先重新读取。",
        "orders.calls_per_minute" => "单个账号平均每分钟关于订单的请求数，读取与更改分别计算。0 表示不限。",
        "notify.poll" => "多久检查一次有没有要通知的事。",
        "notify.down_after" => "账号断线多久后通知。0s 表示立即通知。",
        "notify.unanswered_after" => "买家等待回复多久后通知。",
        "notify.timeout" => "通知服务最多用时。",
        "notify.attempts" => "一条通知最多尝试多少次，间隔逐渐加长（10 秒、30 秒、90 秒……最长 1 小时）。至少 1。",
        _ => "",
    }
}
