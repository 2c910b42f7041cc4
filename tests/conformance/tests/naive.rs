//! The suite on a deliberately naive store: a map under a mutex.

mod stores;

typed_sessions_conformance::suite!(stores::Naive::new(stores::Sin::None));
