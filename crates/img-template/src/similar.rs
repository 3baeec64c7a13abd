//! Names that somebody may have meant.

/// Names that are changed more than this are not meant.
const FARTHEST: usize = 3;

/// Separates the names that look like `name`, the closest first, from the others.
pub(crate) fn partition<'n>(
    name: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> (Vec<&'n str>, Vec<&'n str>) {
    let mut similar = Vec::new();
    let mut others = Vec::new();
    for known in names {
        match closeness(name, known) {
            Some(distance) => similar.push((distance, known)),
            None => others.push(known),
        }
    }
    similar.sort_unstable();
    let similar = similar.into_iter().map(|(_, known)| known).collect();
    (similar, others)
}

/// Returns how many letters differ, if it is few enough for a slip; capitals do not count.
fn closeness(name: &str, known: &str) -> Option<usize> {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (name, known) = (letters(name), letters(known));
    if name.len().abs_diff(known.len()) > FARTHEST {
        return None;
    }
    let distance = distance(&name, &known);
    let shorter = name.len().min(known.len());
    (distance <= FARTHEST && distance * 2 < shorter.max(1) + 1).then_some(distance)
}

/// Returns the least number of letters to insert, remove or replace to make one the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let check = |name: &str, known: &str, expected: Option<usize>| {
            assert_eq!(closeness(name, known), expected, "{name} {known}");
        };
        check("verison", "version", Some(2));
        check("VERSION", "version", Some(0));
        check("tag", "tags", Some(1));
        check("a", "b", None);
        check("tag", "registry", None);
    }
}
