//! Why there is no new copy, or why a file is none that can be relied on: for people, in both languages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::notify::notice::Words;

/// Kept in the facts. No secrets in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Fault {
    /// The database is PostgreSQL.
    Elsewhere,
    /// There is no database yet.
    NoDatabase,
    /// The folder or the file cannot be made or read.
    Folder {
        why: String,
    },
    NoRoom {
        needed: u64,
        free: u64,
    },
    /// Copying did not get to its end.
    Copy {
        why: String,
    },
    /// The file is broken, or no database of this program.
    Damaged {
        why: String,
    },
    /// The database is of another version than the program.
    Version {
        why: String,
    },
    /// The log of the stock does not hold together.
    Ledger {
        why: String,
    },
    /// The key of this server opens nothing in it.
    WrongKey,
    /// The server is ending.
    Stopped,
}

/// As much of what the database says as is told, in characters.
const LONGEST: usize = 300;

impl Fault {
    pub(super) fn folder(error: impl fmt::Display) -> Self {
        Self::Folder { why: short(error) }
    }

    pub(super) fn copy(error: impl fmt::Display) -> Self {
        Self::Copy { why: short(error) }
    }

    pub(super) fn damaged(error: impl fmt::Display) -> Self {
        Self::Damaged { why: short(error) }
    }

    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::NoDatabase => "no_database",
            Self::Folder { .. } => "folder",
            Self::NoRoom { .. } => "no_room",
            Self::Copy { .. } => "copy",
            Self::Damaged { .. } => "damaged",
            Self::Version { .. } => "version",
            Self::Ledger { .. } => "ledger",
            Self::WrongKey => "wrong_key",
            Self::Stopped => "stopped",
        }
    }

    pub fn words(&self) -> Words {
        match self {
            Self::Elsewhere => Words::new(
                "数据库是 PostgreSQL，由它自己的工具备份。",
                "The database is PostgreSQL, which has its own means for this.",
            ),
            Self::NoDatabase => Words::new("还没有数据库。", "There is no database yet."),
            Self::Folder { why } => Words::new(
                format!("无法使用备份文件夹或文件：{why}"),
                format!("The folder or the file cannot be used: {why}"),
            ),
            Self::NoRoom { needed, free } => Words::new(
                format!("磁盘空间不足：需要 {} MiB，只剩 {} MiB。", mib(*needed), free >> 20),
                format!(
                    "There is too little room on the disk: {} MiB are needed, {} MiB are free.",
                    mib(*needed),
                    free >> 20
                ),
            ),
            Self::Copy { why } => {
                Words::new(format!("复制没有完成：{why}"), format!("The database could not be copied: {why}"))
            }
            Self::Damaged { why } => Words::new(
                format!("文件已损坏，或不是本程序的数据库：{why}"),
                format!("It is damaged, or no database of this program: {why}"),
            ),
            Self::Version { why } => Words::new(
                format!("与程序的版本不一致：{why}"),
                format!("It is of another version than this program: {why}"),
            ),
            Self::Ledger { why } => Words::new(
                format!("卡券库存与它的记录对不上：{why}"),
                format!("The stock is not what its log says: {why}"),
            ),
            Self::WrongKey => Words::new(
                "本服务器的密钥打不开其中的加密内容。",
                "The key of this server does not open the secrets in it.",
            ),
            Self::Stopped => Words::new("服务器正在停止。", "The server is stopping."),
        }
    }

    /// What somebody can do about it.
    pub fn advice(&self) -> Words {
        match self {
            Self::NoRoom { .. } => Words::new(
                "请清理磁盘，减少保留的份数（backup.keep），或把备份放到更大的磁盘上（backup.folder）。",
                "Free some room, keep fewer copies (backup.keep), or keep them on a larger disk (backup.folder).",
            ),
            Self::Folder { .. } => Words::new(
                "请检查备份文件夹（backup.folder）是否存在、程序能否写入。",
                "See that the folder (backup.folder) is there and that the program may write in it.",
            ),
            Self::Damaged { .. } | Self::Ledger { .. } => Words::new(
                "数据库或磁盘可能有问题：请在服务器上运行 yutang check 和 yutang ledger verify，并保留之前的备份。",
                "The database or its disk may be failing: run `yutang check` and `yutang ledger verify` on the server, and keep the copies made before.",
            ),
            Self::WrongKey => Words::new("请放回当初使用的密钥文件。", "Put back the key file that was used with it."),
            Self::Elsewhere | Self::NoDatabase | Self::Copy { .. } | Self::Version { .. } | Self::Stopped => {
                Words::new(
                    "可以在“设置 › 备份”中再试一次；仍然失败时请查看日志。",
                    "Try once more under Settings › Backups; where it fails again, look into the log.",
                )
            }
        }
    }
}

/// In English.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().en)
    }
}

impl std::error::Error for Fault {}

/// Rounded up: who frees as much has enough.
fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn short(error: impl fmt::Display) -> String {
    error.to_string().chars().take(LONGEST).collect()
}
