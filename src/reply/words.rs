//! One automaton over all keywords and list words of many rules: what occurs in a turn is found in one pass.

use std::collections::{HashMap, hash_map::Entry};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

use super::text::TurnText;

/// Compiled words, numbered from 0, and which rules have them as keyword.
#[derive(Debug, Default)]
pub(super) struct Words {
    search: Option<AhoCorasick>,
    /// The rules of word `n` are `entries[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    entries: Vec<u32>,
}

/// Collects words before they are compiled. Words are folded by the caller and not empty.
#[derive(Debug, Default)]
pub(super) struct Builder {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
    keywords: Vec<(u32, u32)>,
}

/// The words that occur in one turn.
#[derive(Debug)]
pub(super) struct Found {
    bits: Vec<u64>,
    words: Vec<u32>,
}

impl Words {
    pub(super) fn builder() -> Builder {
        Builder::default()
    }

    /// Finds every word, overlapping ones too. In a display text a word is found only if it is the whole of it.
    pub(super) fn scan(&self, turn: &TurnText) -> Found {
        let Some(search) = &self.search else {
            return Found { bits: Vec::new(), words: Vec::new() };
        };
        let mut found = Found { bits: vec![0; search.patterns_len().div_ceil(64)], words: Vec::new() };
        for hit in search.find_overlapping_iter(turn.folded()) {
            found.add(hit.pattern().as_u32());
        }
        for shown in turn.shown() {
            let whole = search.find_overlapping_iter(shown).filter(|hit| hit.len() == shown.len());
            whole.for_each(|hit| found.add(hit.pattern().as_u32()));
        }
        found
    }

    /// The rules whose keyword was found.
    pub(super) fn entries<'a>(&'a self, found: &'a Found) -> impl Iterator<Item = u32> + 'a {
        found.words.iter().flat_map(|word| {
            let word = *word as usize;
            self.entries[self.starts[word] as usize..self.starts[word + 1] as usize].iter().copied()
        })
    }
}

impl Found {
    pub(super) fn has(&self, word: u32) -> bool {
        self.bits[word as usize / 64] & (1 << (word % 64)) != 0
    }

    fn add(&mut self, word: u32) {
        if !self.has(word) {
            self.bits[word as usize / 64] |= 1 << (word % 64);
            self.words.push(word);
        }
    }
}

impl Builder {
    /// The number of a word that some list asks for.
    pub(super) fn word(&mut self, word: &str) -> u32 {
        match self.numbers.entry(word.to_owned()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                // More than four thousand million words do not fit into memory.
                let number = self.texts.len() as u32;
                self.texts.push(word.to_owned());
                *new.insert(number)
            }
        }
    }

    /// Makes `word` the keyword of rule number `entry`.
    pub(super) fn keyword(&mut self, word: &str, entry: u32) {
        let number = self.word(word);
        self.keywords.push((number, entry));
    }

    /// Compiles. The error is a sentence for the seller.
    pub(super) fn build(mut self) -> Result<Words, String> {
        if self.texts.is_empty() {
            return Ok(Words::default());
        }
        self.keywords.sort_unstable();
        let words = 0..=self.texts.len() as u32;
        let starts = words.map(|word| self.keywords.partition_point(|(number, _)| *number < word) as u32).collect();
        let entries = self.keywords.iter().map(|(_, entry)| *entry).collect();
        // The contiguous automaton: a tenth of the memory of a full table, and a turn is short.
        let search = AhoCorasickBuilder::new().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&self.texts);
        let search = search.map_err(|error| format!("the keywords cannot be compiled together: {error}"))?;
        Ok(Words { search: Some(search), starts, entries })
    }
}
