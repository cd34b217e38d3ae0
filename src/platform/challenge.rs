//! Where the platform's challenges live.

/// Names under which the platform's pages, and what its challenge pages load, are found: the marketplace itself, its login and its gateway;
/// the scripts and pictures of the verification, and where it is checked.
pub const DOMAINS: [&str; 8] =
    ["goofish.com", "taobao.com", "alicdn.com", "tbcdn.cn", "aliyun.com", "alibaba.com", "aliapp.org", "mmstat.com"];
