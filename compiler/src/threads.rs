//! Work on many items by all processors, with results in the order of the items.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More threads than this gain nothing: every step has parts that one thread does.
const MOST: usize = 8;

/// Runs `work` over contiguous parts of `items` on all processors; the results are in the order of the parts. Fewer than
/// `least` items are one part: for them a thread costs more than it saves.
///
/// What is made of the results must not depend on where the parts end, since that differs between machines.
pub fn in_parts<T: Sync, R: Send>(items: &[T], least: usize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    if items.len() < least {
        return vec![work(items)];
    }
    on_threads(processors(), items, work)
}

/// How many threads are worth while.
#[must_use]
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().min(MOST))
}

/// [`in_parts`] on so many threads, one of which is the caller's.
pub fn on_threads<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let parts: Vec<&[T]> = items.chunks(items.len().div_ceil(threads.max(1)).max(1)).collect();
    let Some((first, others)) = parts.split_first() else { return vec![work(items)] };
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = others.iter().map(|part| scope.spawn(move || work(part))).collect();
        let mut results = vec![work(first)];
        for thread in running {
            results.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

/// Runs `work` on every item, each by the processor that is free next: for few items of which some take far longer than
/// others. The results are in the order of the items.
pub fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        Some((at, items.get(at)?))
    };
    let threads = vec![(); processors()];
    let parts = on_threads(threads.len(), &threads, |_| {
        iter::from_fn(take).map(|(at, item)| (at, work(item))).collect::<Vec<_>>()
    });
    let mut results: Vec<(usize, R)> = parts.into_iter().flatten().collect();
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1_000).collect();
        for threads in [0, 1, 3, 16, 2_000] {
            let parts = on_threads(threads, &items, <[usize]>::to_vec);
            assert!(parts.len() <= threads.max(1) && parts.concat() == items, "{threads}");
        }
        assert_eq!(in_parts(&items, 1_001, <[usize]>::len), [1_000]);
        assert_eq!(on_threads(4, &[] as &[u8], <[u8]>::len), [0]);
        assert_eq!(each(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
    }
}
