//! What keeps answers with session data out of caches.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};

use crate::carrier::{Carrier, vary_by};

/// Marks the answer of a handler that looked at the session: it depends on the token's header, and
/// no cache may store it, unless the handler has said otherwise. An answer that gives or takes a
/// token must never be stored, whatever the handler said.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use typed_sessions_http::{Carrier, SessionCookie, guard_caches};
///
/// let carrier = Carrier::Cookie(SessionCookie::default());
/// let mut answer = HeaderMap::new();
/// answer.insert("cache-control", HeaderValue::from_static("private, max-age=60"));
/// guard_caches(&mut answer, &carrier, false);
/// assert_eq!(answer["vary"], "cookie");
/// assert_eq!(answer["cache-control"], "private, max-age=60");
/// guard_caches(&mut answer, &carrier, true);
/// assert_eq!(answer["cache-control"], "no-store");
/// ```
pub fn guard_caches(headers: &mut HeaderMap, carrier: &Carrier, has_instruction: bool) {
    vary_by(headers, &carrier.varies_by());
    if has_instruction || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
