//! [`Book`]: letters one behind the other, until it is known what has become of them.
//!
//! Most come and go in their order. So they lie on pages that are filled one after the other and used again when nothing on
//! them is needed: no letter has memory of its own.

use std::collections::VecDeque;

use crate::net::shelf;

/// Bytes of a page; for a longer letter there is a longer one. The first has fewer: most links carry little.
const PAGE: usize = 16 << 10;
const FIRST: usize = 2 << 10;

/// Where a letter lies in its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    page: u64,
    start: usize,
    length: usize,
}

#[derive(Debug)]
struct Page {
    bytes: Vec<u8>,
    /// Letters on it that are needed.
    letters: usize,
}

/// See the module. What is not needed any more lies there as long as something before it is.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The last is the one that is written on.
    pages: VecDeque<Page>,
    /// The number of the first page.
    first: u64,
}

impl Book {
    /// Writes a letter behind the others.
    pub(super) fn write(&mut self, letter: &[u8]) -> Place {
        let fits = |page: &Page| page.bytes.len() + letter.len() <= page.bytes.capacity();
        if !self.pages.back().is_some_and(fits) {
            let size = if self.pages.is_empty() { FIRST } else { PAGE };
            self.pages.push_back(Page { bytes: shelf::take(letter.len().max(size)), letters: 0 });
        }
        let number = self.first + self.pages.len() as u64 - 1;
        let page = self.pages.back_mut().expect("a page was put there if there was none");
        let place = Place { page: number, start: page.bytes.len(), length: letter.len() };
        page.bytes.extend_from_slice(letter);
        page.letters += 1;
        place
    }

    /// The letter at a place that was given for it and has not been [struck](Self::strike).
    pub(super) fn read(&self, place: Place) -> &[u8] {
        let page = &self.pages[self.index(place)];
        &page.bytes[place.start..place.start + place.length]
    }

    /// The letter there is not needed any more.
    pub(super) fn strike(&mut self, place: Place) {
        let index = self.index(place);
        self.pages[index].letters -= 1;
        while self.pages.front().is_some_and(|page| page.letters == 0) {
            if self.pages.len() == 1 {
                self.pages[0].bytes.clear();
                return;
            }
            self.first += 1;
            self.pages.pop_front().into_iter().for_each(|page| shelf::give(page.bytes));
        }
    }

    fn index(&self, place: Place) -> usize {
        (place.page - self.first) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, PAGE};

    #[test]
    fn letters_are_read_as_they_were_written_and_their_pages_used_again() {
        let mut book = Book::default();
        let letter = |number: usize| vec![number as u8; if number == 50 { 2 * PAGE } else { number % 1000 }];
        let mut places = std::collections::VecDeque::new();
        for number in 0..2000 {
            places.push_back((number, book.write(&letter(number))));
            // Now and then all go, else a hundred stay.
            let stay = if number % 700 == 0 { 0 } else { 100 };
            while places.len() > stay {
                let (number, place) = places.pop_front().expect("one more");
                assert_eq!(book.read(place), letter(number));
                book.strike(place);
            }
            assert!(book.pages.len() <= 9, "expected no more pages than 100 letters need: {}", book.pages.len());
        }
    }

    #[test]
    fn a_letter_stays_whatever_goes_before_or_behind_it() {
        let mut book = Book::default();
        let places: Vec<_> = (0..60).map(|number| book.write(&[number; 900])).collect();
        for number in (0..60).filter(|number| number % 7 != 3) {
            book.strike(places[number]);
        }
        for number in (0..60).filter(|number| number % 7 == 3) {
            assert_eq!(book.read(places[number]), [number as u8; 900]);
            book.strike(places[number]);
        }
        assert_eq!((book.pages.len(), book.pages[0].bytes.len()), (1, 0), "expected one empty page to be kept");
    }
}
