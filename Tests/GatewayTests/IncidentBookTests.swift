import Ground
import Testing
import Wire

@testable import Gateway

@Suite struct IncidentBookTests {
    private let book = IncidentBook()

    private func at(_ seconds: Int64) -> WallTime { WallTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func `An incident is told when it begins and when it ends, and not in between`() {
        book.began("breaker-open", "region", at: at(1))
        book.began("breaker-open", "region", at: at(2))
        let first = book.untold(now: at(3))
        #expect(first.map(\.began) == [at(1)] && first.map(\.ended) == [nil])
        book.told(first)
        #expect(book.untold(now: at(4)).isEmpty)
        book.ended("breaker-open", "region", at: at(5))
        let second = book.untold(now: at(6))
        #expect(second.map(\.ended) == [at(5)])
        book.told(second)
        #expect(book.untold(now: at(7)).isEmpty)
        book.began("breaker-open", "region", at: at(8))
        #expect(book.untold(now: at(9)).map(\.began) == [at(8)])
    }

    @Test func `Whoever hears that a node was cut off hears that it is not any more`() {
        book.began(IncidentBook.disconnected, "region", at: at(1), words: "no way")
        let told = book.untold(now: at(4))
        #expect(told.map(\.ended) == [at(4)])
        #expect(book.since(at(0)).map(\.ended) == [nil])
        // The report did not arrive, the next one does.
        let again = book.untold(now: at(9))
        book.ended(IncidentBook.disconnected, "region", at: at(9))
        book.told(again)
        #expect(book.untold(now: at(10)).isEmpty)
        #expect(book.since(at(9)).map(\.ended) == [at(9)] && book.since(at(10)).isEmpty)
    }

    @Test func `When there are too many, those that were told are forgotten first`() {
        book.began("a", "", at: at(0))
        book.began("b", "", at: at(1))
        book.ended("b", "", at: at(2))
        book.told(book.untold(now: at(2)))
        for number in 0..<IncidentBook.most - 1 {
            book.began("c", "\(number)", at: at(3))
        }
        let kinds = book.since(at(0)).map(\.kind)
        #expect(kinds.count == IncidentBook.most)
        #expect(kinds.contains("a") && !kinds.contains("b"))
    }
}
