//! Statements that are written by hand and run with every batch.

use diesel::{
    backend::Backend,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{HasSqlType, Text, Untyped},
};

/// A statement with one text, in the place of `$1`. Its connection keeps it prepared, where one of `sql_query` is planned anew each time: on
/// SQLite 40 µs, more than it takes to run it for a few rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared<'a> {
    pub(super) sql: &'a str,
    pub(super) text: &'a str,
}

impl<DB> QueryFragment<DB> for Prepared<'_>
where
    DB: Backend + HasSqlType<Text>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (before, after) = self.sql.split_once("$1").unwrap_or((self.sql, ""));
        out.push_sql(before);
        out.push_bind_param::<Text, _>(self.text)?;
        out.push_sql(after);
        Ok(())
    }
}

/// Known by its words.
impl QueryId for Prepared<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared<'_> {
    type SqlType = Untyped;
}

impl<Conn> RunQueryDsl<Conn> for Prepared<'_> {}
