//! A layer against requests that other sites make in a user's name.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use http::Request;
use tower_layer::Layer;
use tower_service::Service;
use typed_sessions_http::check_origin;

use crate::rejection::SessionRejection;

/// Refuses with 403 what a page of another site sends, by what browsers say themselves
/// (`Sec-Fetch-Site`, `Origin`): protection of all forms, that for signing in included, without a
/// token in them and without a session for each visitor. It is what OWASP's cheat sheet on CSRF
/// advises today. GET, HEAD and OPTIONS pass: they must change nothing. Handshakes of WebSockets are
/// checked although they are GETs.
///
/// The cookie's `SameSite=Lax` alone does not protect against other subdomains of your site,
/// against forms that need no cookie (signing somebody in as somebody else), and in old browsers.
///
/// ```
/// use axum::{Router, routing::post};
/// use typed_sessions::axum::same_origin;
///
/// let app: Router = Router::new()
///     .route("/sign-in", post(|| async {}))
///     .layer(same_origin().trust("https://admin.example.com"));
/// # let _ = app;
/// ```
pub fn same_origin() -> SameOrigin {
    SameOrigin { trusted: Arc::new(Vec::new()) }
}

/// Made by [`same_origin`].
#[derive(Clone, Debug)]
pub struct SameOrigin {
    trusted: Arc<Vec<String>>,
}

impl SameOrigin {
    /// Pages of this origin may send requests as well. It is written as browsers send it: with the
    /// scheme, and without a slash at its end.
    ///
    /// # Panics
    ///
    /// For what no browser sends, or for `null`, which every sandboxed page may be.
    #[must_use]
    pub fn trust(mut self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        assert!(
            is_origin(&origin),
            "no browser sends the origin {origin:?}: write it as in `https://admin.example.com` or \
             `http://localhost:3000`, with the scheme, in small letters, without the scheme's own \
             port and without a path"
        );
        Arc::make_mut(&mut self.trusted).push(origin);
        self
    }
}

/// Whether an origin is written as browsers write it.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_small = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    let is_default = match scheme {
        "https" => host.ends_with(":443"),
        "http" => host.ends_with(":80"),
        _ => false,
    };
    let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', '\\', '*']);
    !scheme.is_empty() && is_host && !is_default && origin.bytes().all(is_small)
}

impl<S> Layer<S> for SameOrigin {
    type Service = SameOriginService<S>;

    fn layer(&self, inner: S) -> SameOriginService<S> {
        SameOriginService { inner, trusted: Arc::clone(&self.trusted) }
    }
}

/// What [`SameOrigin`] makes of the service that it is put around.
#[derive(Clone, Debug)]
pub struct SameOriginService<S> {
    inner: S,
    trusted: Arc<Vec<String>>,
}

impl<S, B> Service<Request<B>> for SameOriginService<S>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if check_origin(request.method(), request.uri(), request.headers(), &self.trusted).is_err()
        {
            let rejection = SessionRejection::forged("this request comes from another site");
            return Box::pin(async { Ok(rejection.into_response()) });
        }
        let future = self.inner.call(request);
        Box::pin(async { future.await.map(IntoResponse::into_response) })
    }
}
