//! A name by which users know a device, from what its browser says of itself.

use http::HeaderMap;
use http::header::USER_AGENT;
use typed_sessions_core::Device;

/// In the order in which they are looked for: most browsers name others as well.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// The device that a request comes from, as its `User-Agent` names it: for listings, never to
/// decide anything.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use typed_sessions_http::device_of;
///
/// let mut headers = HeaderMap::new();
/// let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// headers.insert("user-agent", HeaderValue::from_static(agent));
/// assert_eq!(device_of(&headers).label, "Firefox on Linux");
/// assert_eq!(device_of(&HeaderMap::new()).label, "Unknown device");
/// ```
pub fn device_of(headers: &HeaderMap) -> Device {
    let Some(agent) = headers.get(USER_AGENT) else { return Device::new("Unknown device") };
    let agent = String::from_utf8_lossy(agent.as_bytes());
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let label = match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    };
    Device::new(label).user_agent(agent)
}
