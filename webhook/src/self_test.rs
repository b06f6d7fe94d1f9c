//! `meshwright-webhook self-test`: whether this cluster's webhook is asked, and obeyed.

use std::time::{Duration, Instant};

use kube::Client;

use crate::controller::{Proof, prove};

/// From one attempt to the next.
const PAUSE: Duration = Duration::from_secs(2);

/// Makes the self-test through the API server until it is refused as it has to be, at most for that time. What it showed
/// last: a webhook that was just installed is not asked before its certificate is known.
pub async fn self_test(client: &Client, wait: Duration) -> Proof {
    let start = Instant::now();
    loop {
        let proof = prove(client, None).await;
        if proof == Proof::Refused || start.elapsed() + PAUSE > wait {
            return proof;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
