//! Overlapping ranges of addresses, found by one pass over the sorted ranges: fleets have thousands of them.

use std::net::IpAddr;

use crate::address::{AddressRange, Cidr};

/// A range of addresses and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// First address.
    pub first: IpAddr,
    /// Last address.
    pub last: IpAddr,
    /// Ranges of one owner may overlap each other.
    pub owner: usize,
}

impl Interval {
    /// The addresses of a CIDR.
    #[must_use]
    pub fn of_cidr(cidr: Cidr, owner: usize) -> Interval {
        Interval { first: cidr.net().network(), last: cidr.net().broadcast(), owner }
    }

    /// The addresses of a pool's range.
    #[must_use]
    pub fn of_range(range: AddressRange, owner: usize) -> Interval {
        let (first, last) = range.bounds();
        Interval { first, last, owner }
    }
}

/// Pairs of indexes, the greater one first, of ranges that overlap and have different owners. A range that overlaps
/// several is paired with one of them only, so there are at most as many pairs as ranges.
#[must_use]
pub fn among(intervals: &[Interval]) -> Vec<(usize, usize)> {
    let sweep = sweep(intervals.iter().map(|interval| (Side::Left, *interval)), Side::same);
    let mut pairs: Vec<_> = sweep.into_iter().map(|(a, b)| (a.max(b), a.min(b))).collect();
    pairs.sort_unstable();
    pairs
}

/// Pairs of an index into `left` and one into `right`, of ranges that overlap and have different owners. At most one pair
/// per range, as with [`among`].
#[must_use]
pub fn across(left: &[Interval], right: &[Interval]) -> Vec<(usize, usize)> {
    let sides = left
        .iter()
        .map(|interval| (Side::Left, *interval))
        .chain(right.iter().map(|interval| (Side::Right, *interval)));
    let pairs = sweep(sides, Side::other).into_iter().map(|(a, b)| (a.min(b), a.max(b)));
    let mut pairs: Vec<_> = pairs.map(|(a, b)| (a, b.saturating_sub(left.len()))).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Indexes of ranges that hang together: each overlaps another of its group, or the group is that range alone. Ascending
/// in a group; the groups by their first address.
#[must_use]
pub fn groups(intervals: &[Interval]) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, &Interval)> = intervals.iter().enumerate().collect();
    order.sort_by_key(|(index, interval)| (interval.first, *index));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut reach: Option<IpAddr> = None;
    for (index, interval) in order {
        match groups.last_mut().filter(|_| reach.is_some_and(|last| interval.first <= last)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
        reach = reach.max(Some(interval.last));
    }
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    fn same(self) -> Side {
        self
    }

    fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

/// Of the ranges seen so far, the one that reaches farthest, and the one of another owner that does.
#[derive(Clone, Copy, Default)]
struct Reach {
    farthest: Option<(IpAddr, usize, usize)>,
    of_another: Option<(IpAddr, usize, usize)>,
}

impl Reach {
    fn beside(&self, owner: usize) -> Option<(IpAddr, usize)> {
        let not_own = |reach: &&(IpAddr, usize, usize)| reach.1 != owner;
        let reach = self.farthest.as_ref().filter(not_own).or(self.of_another.as_ref().filter(not_own));
        reach.map(|(last, _, index)| (*last, *index))
    }

    fn add(&mut self, last: IpAddr, owner: usize, index: usize) {
        let new = Some((last, owner, index));
        match self.farthest {
            Some((farthest, other, _)) if last <= farthest => {
                if other != owner && self.of_another.is_none_or(|(far, ..)| last > far) {
                    self.of_another = new;
                }
            }
            Some((_, other, _)) => {
                if other != owner {
                    self.of_another = self.farthest;
                }
                self.farthest = new;
            }
            None => self.farthest = new,
        }
    }
}

/// `IpAddr` orders every IPv4 address before every IPv6 one, so the families never meet.
fn sweep(
    intervals: impl Iterator<Item = (Side, Interval)>,
    against: fn(Side) -> Side,
) -> Vec<(usize, usize)> {
    let mut order: Vec<_> = intervals.enumerate().collect();
    order.sort_by_key(|(index, (_, interval))| (interval.first, interval.last, *index));
    let (mut left, mut right) = (Reach::default(), Reach::default());
    let mut pairs = Vec::new();
    for (index, (side, interval)) in order {
        let other = if against(side) == Side::Left { &left } else { &right };
        if let Some((last, other)) = other.beside(interval.owner)
            && last >= interval.first
        {
            pairs.push((index, other));
        }
        let own = if side == Side::Left { &mut left } else { &mut right };
        own.add(interval.last, interval.owner, index);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidrs(texts: &[(&str, usize)]) -> Vec<Interval> {
        texts.iter().map(|(text, owner)| Interval::of_cidr(text.parse().unwrap(), *owner)).collect()
    }

    #[test]
    fn only_ranges_of_different_owners_count() {
        let list = cidrs(&[
            ("10.0.0.0/8", 0),
            ("10.1.0.0/16", 0),
            ("10.2.0.0/16", 1),
            ("11.0.0.0/8", 2),
            ("fd00::/8", 3),
        ]);
        assert_eq!(among(&list), [(2, 0)]);
    }

    #[test]
    fn a_longer_range_of_the_same_owner_hides_none_of_another() {
        let list = cidrs(&[("10.0.0.0/9", 1), ("10.0.0.0/8", 0), ("10.1.0.0/16", 0)]);
        assert_eq!(among(&list), [(1, 0), (2, 0)]);
    }

    #[test]
    fn sides_are_compared_with_each_other_only() {
        let left = cidrs(&[("10.0.0.0/16", 0), ("10.0.0.0/16", 1)]);
        let right = cidrs(&[("10.0.1.0/24", 0), ("10.9.0.0/16", 1)]);
        assert_eq!(across(&left, &right), [(1, 0)]);
    }

    #[test]
    fn ranges_that_touch_a_common_one_are_one_group() {
        let list = cidrs(&[
            ("10.0.128.0/17", 0),
            ("10.9.0.0/16", 1),
            ("10.0.0.0/16", 2),
            ("fd00::/64", 3),
            ("10.0.0.0/24", 4),
            ("fd00::1:0/112", 5),
        ]);
        assert_eq!(groups(&list), [vec![0, 2, 4], vec![1], vec![3, 5]]);
    }

    #[test]
    fn every_overlapping_range_is_in_some_pair() {
        let list =
            cidrs(&[("10.0.0.0/24", 0), ("10.0.0.0/25", 1), ("10.0.0.128/25", 2), ("10.0.0.64/26", 3)]);
        let paired: Vec<usize> = among(&list).into_iter().flat_map(|(a, b)| [a, b]).collect();
        assert!((0..list.len()).all(|index| paired.contains(&index)), "{paired:?}");
    }
}
