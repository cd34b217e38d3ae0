//! Every night, or when an administrator wants it, a copy of the SQLite database on the server's own disk.
//!
//! [`store::backups`](crate::store::backups) makes it beside whoever writes, reads it again (every page, the migrations, the log of the
//! stock, the key), and only then gives it its name; [`actor`] says when, remembers what was done, and tells the administrators where it
//! failed. `yutang backup` does the same at the command line, and `yutang restore` is the way back.
//!
//! A copy holds what the database holds: secrets stay sealed in it, and the key is not in it. No address of the server hands a copy out
//! or takes one in. PostgreSQL is not copied here: it has its own means.

pub mod actor;
