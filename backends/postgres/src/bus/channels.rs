//! What PostgreSQL calls the channels.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use typed_sessions_core::bus::Channel;

use crate::names::Names;

/// A channel's name. PostgreSQL cuts names at 63 bytes, and all of a database share them, so it is
/// a hash of the table's name with its schema, and of the server.
pub(super) fn channel(names: &Names, channel: &Channel) -> String {
    // Quoted, so that no name ends where another one goes on.
    let hash = Sha256::new().chain_update(names.table());
    let hash = match channel {
        Channel::Control => hash,
        Channel::Server(incarnation) => hash.chain_update(incarnation.as_bytes()),
    };
    format!("typed_sessions_{}", URL_SAFE_NO_PAD.encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use typed_sessions_core::bus::Incarnation;

    use super::*;

    #[test]
    fn b1_tables_and_servers_have_channels_of_their_own() {
        let long = "t".repeat(52);
        let mut all = Vec::new();
        for (schema, table) in
            [("a", "b"), ("a.b", "c"), ("a", "b.c"), ("a\".\"b", "c"), (&*long, &*long)]
        {
            let names = Names::new(schema, table).expect("possible names");
            all.push(channel(&names, &Channel::Control));
            for server in [1, 2] {
                let server = Incarnation::from_bytes([server; 16]);
                all.push(channel(&names, &Channel::Server(server)));
            }
        }
        assert!(all.iter().all(|name| name.len() < 63), "{all:?}");
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
