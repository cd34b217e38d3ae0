//! Heavy work is done one at a time, so that light work need not wait behind it: whoever signs in, looks or answers by hand asks the same
//! two reading threads and the same cores. The engine has reading threads of its own.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::{ApiError, ApiResult, Code};
use crate::store::{DbConn, QueryResult, Store};

/// How long somebody waits for their turn before they are told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns {
    /// Of long reads: one of the reading threads stays free for short ones.
    reading: Arc<Semaphore>,
    /// Of compiling somebody's rules.
    compiling: Arc<Semaphore>,
    /// Of drawing a picture, which takes a core and much memory for a moment.
    drawing: Arc<Semaphore>,
    patience: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(PATIENCE)
    }
}

impl Turns {
    fn new(patience: Duration) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { reading: one(), compiling: one(), drawing: one(), patience }
    }

    /// A read that may take long. The turn ends with the read itself, also where nobody waits for it any more.
    pub async fn read<T, F>(&self, store: &Store, work: F) -> ApiResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut DbConn) -> QueryResult<T> + Send + 'static,
    {
        let turn = self.take(&self.reading).await?;
        let read = store.read(move |conn| {
            let _turn = turn;
            work(conn)
        });
        Ok(read.await?)
    }

    /// The turn of who compiles rules, until it is dropped.
    pub async fn compile(&self) -> ApiResult<OwnedSemaphorePermit> {
        self.take(&self.compiling).await
    }

    /// The turn of who draws a picture, until it is dropped.
    pub async fn draw(&self) -> ApiResult<OwnedSemaphorePermit> {
        self.take(&self.drawing).await
    }

    async fn take(&self, turns: &Arc<Semaphore>) -> ApiResult<OwnedSemaphorePermit> {
        match timeout(self.patience, Arc::clone(turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(ApiError::from(Code::Overloaded).retry_after(self.patience.as_secs())),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::testbed::Bed;

    #[actix_web::test]
    async fn a_long_read_leaves_a_reading_thread_to_short_ones_and_others_like_it_are_told_to_come_back() {
        let (bed, turns) = (Bed::new(), Turns::new(Duration::ZERO));
        let (end, may_end) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let long = turns.read(&bed.store, move |_| {
            let _ = begin.send(());
            let _ = may_end.recv();
            Ok("long")
        });
        let meanwhile = async {
            begun.await.unwrap();
            let refused = turns.read(&bed.store, |_| Ok(())).await.unwrap_err();
            let short = bed.store.read(|_| Ok("short")).await;
            end.send(()).unwrap();
            (refused.code(), short.unwrap())
        };
        let (long, (refused, short)) = tokio::join!(long, meanwhile);
        assert_eq!((long.unwrap(), short, refused), ("long", "short", Code::Overloaded));
        assert_eq!(turns.read(&bed.store, |_| Ok("again")).await.unwrap(), "again");
    }

    #[actix_web::test]
    async fn rules_are_compiled_for_one_at_a_time() {
        let turns = Turns::new(Duration::ZERO);
        let first = turns.compile().await.unwrap();
        assert_eq!(turns.compile().await.unwrap_err().code(), Code::Overloaded);
        drop(first);
        assert!(turns.compile().await.is_ok());
    }

    /// R4: off the arbiters, and one at a time.
    #[actix_web::test]
    async fn r4_pictures_are_drawn_one_at_a_time_and_hold_up_nobody_else() {
        let turns = Turns::new(Duration::ZERO);
        let first = turns.draw().await.unwrap();
        assert_eq!(turns.draw().await.unwrap_err().code(), Code::Overloaded);
        assert!(turns.compile().await.is_ok());
        drop(first);
        assert!(turns.draw().await.is_ok());
    }
}
