//! The layer's service: a slot for each request, and what comes after the handler.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse, Response};
use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;
use typed_sessions_http::is_local;

use crate::answer::{answer, render};
use crate::layer::Settings;
use crate::rejection::SessionRejection;
use crate::slot::{Slot, Slots};

/// What [`SessionLayer`](crate::SessionLayer) makes of the service that it is put around. Takes
/// requests with any body and answers with axum's.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> SessionService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, In, Out> Service<Request<In>> for SessionService<S>
where
    S: Service<Request<In>, Response = http::Response<Out>>,
    Out: HttpBody<Data = Bytes> + Send + 'static,
    Out::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<In>) -> ResponseFuture<S::Future> {
        let settings = &self.settings;
        if settings.is_development && !is_local(request.uri(), request.headers()) {
            return self.refuse(SessionRejection::not_local());
        }
        let slot = Arc::new(Slot::new(Arc::clone(settings), request.headers()));
        if let Err(rejection) = Slots::add(request.extensions_mut(), Arc::clone(&slot)) {
            return self.refuse(rejection);
        }
        ResponseFuture::Handling { future: self.inner.call(request), slot: Some(slot) }
    }
}

impl<S> SessionService<S> {
    fn refuse<F>(&self, rejection: SessionRejection) -> ResponseFuture<F> {
        let response = render(&self.settings, rejection.into_response());
        ResponseFuture::Refused { response: Some(response) }
    }
}

pin_project! {
    /// The future of [`SessionService`].
    #[project = Step]
    pub enum ResponseFuture<F> {
        #[doc(hidden)]
        Refused { response: Option<Response> },
        #[doc(hidden)]
        Handling { #[pin] future: F, slot: Option<Arc<Slot>> },
        #[doc(hidden)]
        Answering { future: Pin<Box<dyn Future<Output = Response> + Send>> },
    }
}

impl<F, Out, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<http::Response<Out>, E>>,
    Out: HttpBody<Data = Bytes> + Send + 'static,
    Out::Error: Into<BoxError>,
{
    type Output = Result<Response, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let next = match self.as_mut().project() {
            Step::Refused { response } => {
                let response = response.take().expect("a future is polled until it is ready");
                return Poll::Ready(Ok(response));
            }
            Step::Handling { future, slot } => {
                let response = ready!(future.poll(context))?.map(Body::new);
                let slot = slot.take().expect("a future is polled until it is ready");
                if !slot.is_used() {
                    return Poll::Ready(Ok(render(&slot.settings, response)));
                }
                Self::Answering { future: Box::pin(answer(slot, response)) }
            }
            Step::Answering { future } => return future.as_mut().poll(context).map(Ok),
        };
        self.set(next);
        self.poll(context)
    }
}

impl<S> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
