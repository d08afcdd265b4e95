//! Fewer points, same picture: the lowest and the highest value of each bucket stay.

/// Points of a picture that has about this many columns of pixels.
pub const POINTS: usize = 1_500;

/// Rows to show of a column: about `points` at most, first and last among them, with the extremes
/// of each bucket, ascending.
pub fn thin(values: &[f64], points: usize) -> Vec<usize> {
    let count = values.len();
    if count <= points {
        return (0..count).collect();
    }
    let buckets = (points / 2).max(1);
    let mut kept = Vec::with_capacity(points + 2);
    kept.push(0);
    for bucket in 0..buckets {
        let (from, to) = (bucket * count / buckets, (bucket + 1) * count / buckets);
        let (mut low, mut high) = (from, from);
        for row in from..to {
            if values[row] < values[low] {
                low = row;
            }
            if values[row] > values[high] {
                high = row;
            }
        }
        kept.extend([low.min(high), low.max(high)]);
    }
    kept.push(count - 1);
    kept.dedup();
    kept
}

/// Turns points into steps: each value holds until the next point.
pub fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut stepped = Vec::with_capacity(points.len() * 2);
    for (index, &(x, y)) in points.iter().enumerate() {
        if index > 0 {
            stepped.push((x, points[index - 1].1));
        }
        stepped.push((x, y));
    }
    stepped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_survive() {
        let mut values = vec![1.0; 100_000];
        values[54_321] = 99.0;
        values[70_000] = -5.0;
        let kept = thin(&values, 1_500);
        assert!(kept.len() <= 1_502);
        assert!(kept.contains(&54_321) && kept.contains(&70_000));
        assert_eq!((kept[0], kept[kept.len() - 1]), (0, 99_999));
        assert!(kept.is_sorted());
    }

    #[test]
    fn values_hold_until_the_next() {
        assert_eq!(steps(&[(0.0, 1.0), (2.0, 3.0)]), [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0)]);
    }
}
