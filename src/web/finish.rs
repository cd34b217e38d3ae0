//! What was begun is brought to its end, whether or not somebody waits for the answer.
//!
//! The framework drops a request together with its connection: a client that goes away at the right moment would leave a message sent
//! without its line in the audit, and its `Idempotency-Key` busy for a day. So what may change something runs as a task of its own, and
//! the connection only waits for it. This is the one task of a request; every wait in it has a deadline, so it ends.

use std::panic::resume_unwind;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    rt,
};

use super::error::{ApiError, Code};

/// Outside everything: also the line in the log is written.
pub(super) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.method().is_safe() {
        return next.call(request).await;
    }
    match rt::spawn(next.call(request)).await {
        Ok(answer) => answer,
        // As if it had run here.
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_cancelled) => Err(ApiError::from(Code::OutcomeUnknown).into()),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use actix_web::{App, HttpResponse, dev::Service as _, http::Method, middleware::from_fn, test, web};
    use tokio::sync::mpsc::{self, UnboundedSender};

    use super::*;

    /// A handler that says when it begins, waits until it may end, and says so. What it said, after the request was dropped in between.
    async fn drop_in_the_middle(method: Method) -> Vec<&'static str> {
        let (said, mut hear) = mpsc::unbounded_channel();
        let (end, may_end) = mpsc::unbounded_channel::<()>();
        let may_end = Rc::new(RefCell::new(Some(may_end)));
        let handler = move || work(said.clone(), may_end.borrow_mut().take());
        let route = web::route().to(handler);
        let app = test::init_service(App::new().wrap(from_fn(finish)).route("/", route)).await;
        let mut call = Box::pin(app.call(test::TestRequest::with_uri("/").method(method).to_request()));
        let mut all = tokio::select! {
            biased;
            _ = &mut call => Vec::new(),
            begun = hear.recv() => vec![begun.unwrap()],
        };
        drop(call);
        let _ = end.send(());
        drop(app);
        while let Some(word) = hear.recv().await {
            all.push(word);
        }
        all
    }

    async fn work(said: UnboundedSender<&'static str>, may_end: Option<mpsc::UnboundedReceiver<()>>) -> HttpResponse {
        let _ = said.send("begun");
        may_end.unwrap().recv().await;
        let _ = said.send("done");
        HttpResponse::Ok().finish()
    }

    #[actix_web::test]
    async fn what_may_change_something_is_finished_although_the_client_went_away() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(drop_in_the_middle(method).await, ["begun", "done"]);
        }
    }

    #[actix_web::test]
    async fn reading_stops_with_its_reader() {
        assert_eq!(drop_in_the_middle(Method::GET).await, ["begun"]);
    }
}
