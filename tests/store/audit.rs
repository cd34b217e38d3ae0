//! What was done stays written down: the database itself refuses to change or to delete it.

use diesel::connection::SimpleConnection;
use yutang::store::{
    DbConn, Page,
    audit::{self, Actor, AuditRow, Deed, Filter},
    users,
};

use crate::harness::{NOW, add_user, on_each_database};

/// Not the program alone: whoever holds a connection is refused.
#[test]
fn the_audit_can_be_added_to_but_neither_changed_nor_deleted_nor_emptied() {
    on_each_database(|database| {
        let store = database.open();
        let owner = add_user(&store, "seller");
        let write = move |id: i64| {
            move |conn: &mut DbConn| audit::record(conn, &Actor::cli(), &Deed::new("account.update", id).of(owner), NOW)
        };
        let lines = || -> Vec<AuditRow> {
            store.read_blocking(|conn| audit::list(conn, &Filter::default(), Page::first(10))).unwrap().0
        };
        store.write_blocking(write(7)).unwrap();
        let before = lines();
        assert_eq!(before.iter().map(|line| line.object_id.as_str()).collect::<Vec<_>>(), ["7"]);

        let mut conn = database.raw();
        let mut attempts =
            vec!["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE id > 0"];
        if matches!(conn, DbConn::Pg(_)) {
            attempts.extend(["TRUNCATE audit", "TRUNCATE audit RESTART IDENTITY CASCADE"]);
        }
        for attempt in attempts {
            let refusal = conn.batch_execute(attempt).expect_err(attempt).to_string();
            assert!(refusal.contains("the audit is append-only"), "{attempt}: {refusal}");
            assert_eq!(lines(), before, "{attempt}");
        }
        store.write_blocking(write(8)).unwrap();
        assert_eq!(lines().len(), 2);
    });
}

/// Whoever is removed takes nothing out of it.
#[test]
fn what_a_removed_user_did_stays_written_down() {
    on_each_database(|database| {
        let store = database.open();
        let owner = add_user(&store, "leaver");
        let actor = Actor { id: Some(owner), name: "leaver".into(), ..Actor::cli() };
        let deed = Deed::new("user.update", owner).of(owner);
        store.write_blocking(move |conn| audit::record(conn, &actor, &deed, NOW)).unwrap();
        assert_eq!(store.write_blocking(move |conn| users::delete(conn, owner)), Ok(true));
        let filter = Filter { owner: Some(owner), ..Filter::default() };
        let (lines, _) = store.read_blocking(move |conn| audit::list(conn, &filter, Page::first(10))).unwrap();
        assert_eq!((lines.len(), lines[0].actor_id, lines[0].actor.as_str()), (1, Some(owner), "leaver"));
    });
}
