import Ground
import Testing

@testable import Telemetry

@Suite struct MetricsTests {
    @Test func `The exposition of two shards is this text`() throws {
        let metrics = Metrics()
        let leaf = try metrics.counter(
            "canopy_frames_total", "Frames answered.", labels: [MetricLabel("tier", "leaf")])
        let cloud = try metrics.counter(
            "canopy_frames_total", "Frames answered.", labels: [MetricLabel("tier", "cloud")])
        let bytes = try metrics.counter(
            "canopy_sent_bytes_total", "Bytes sent:\nall \\ of them.", unit: .bytes)
        let pending = try metrics.gauge("canopy_pending", "Frames not yet answered.")
        let confidence = try metrics.gauge("canopy_bar_ratio", "The bar.", unit: .ratio)
        let time = try metrics.distribution(
            "canopy_answer_seconds", "Time to answer.", unit: .seconds,
            labels: [MetricLabel("task", "a\"b\\c\nd")])
        _ = try metrics.distribution("canopy_idle_seconds", "Never used.", unit: .seconds)
        let one = MetricShard()
        one.add(leaf)
        one.add(leaf, 2)
        one.set(pending, 2)
        one.set(confidence, 0.8)
        for milliseconds: Int64 in 1...50 { one.insert(time, .milliseconds(milliseconds)) }
        let two = MetricShard()
        two.add(leaf, 4)
        two.add(cloud)
        two.add(bytes, 1 << 60)
        two.set(pending, 1.5)
        for milliseconds: Int64 in 51...100 { two.insert(time, .milliseconds(milliseconds)) }
        var values = one.snapshot()
        values.merge(two.snapshot())
        let text = String(decoding: metrics.exposition(values).array, as: UTF8.self)
        #expect(text == Self.expected)
    }

    private static let expected = #"""
        # HELP canopy_answer_seconds Time to answer.
        # TYPE canopy_answer_seconds summary
        canopy_answer_seconds{task="a\"b\\c\nd",quantile="0.5"} 0.050069503
        canopy_answer_seconds{task="a\"b\\c\nd",quantile="0.95"} 0.094896127
        canopy_answer_seconds{task="a\"b\\c\nd",quantile="0.99"} 0.099090431
        canopy_answer_seconds{task="a\"b\\c\nd",quantile="0.999"} 0.1
        canopy_answer_seconds_sum{task="a\"b\\c\nd"} 5.05
        canopy_answer_seconds_count{task="a\"b\\c\nd"} 100
        # HELP canopy_bar_ratio The bar.
        # TYPE canopy_bar_ratio gauge
        canopy_bar_ratio 0.8
        # HELP canopy_frames_total Frames answered.
        # TYPE canopy_frames_total counter
        canopy_frames_total{tier="cloud"} 1
        canopy_frames_total{tier="leaf"} 7
        # HELP canopy_idle_seconds Never used.
        # TYPE canopy_idle_seconds summary
        canopy_idle_seconds{quantile="0.5"} NaN
        canopy_idle_seconds{quantile="0.95"} NaN
        canopy_idle_seconds{quantile="0.99"} NaN
        canopy_idle_seconds{quantile="0.999"} NaN
        canopy_idle_seconds_sum 0
        canopy_idle_seconds_count 0
        # HELP canopy_pending Frames not yet answered.
        # TYPE canopy_pending gauge
        canopy_pending 3.5
        # HELP canopy_sent_bytes_total Bytes sent:\nall \\ of them.
        # TYPE canopy_sent_bytes_total counter
        canopy_sent_bytes_total 1152921504606846976

        """#

    @Test func `Registering again gives the same handle, other labels another`() throws {
        let metrics = Metrics()
        let first = try metrics.counter("a_total", "A.", labels: [MetricLabel("x", "1")])
        let other = try metrics.counter("a_total", "A.", labels: [MetricLabel("x", "2")])
        #expect(first != other)
        #expect(try metrics.counter("a_total", "A.", labels: [MetricLabel("x", "1")]) == first)
    }

    @Test func `Names and labels that Prometheus would refuse are refused`() throws {
        let metrics = Metrics()
        for name in ["", "1a_total", "a-b_total", "ä_total", "a", "a_total_seconds"] {
            #expect(throws: Fault.self, "\(name)") { try metrics.counter(name, "A.") }
        }
        #expect(throws: Fault.self) { try metrics.gauge("a_total", "A.") }
        #expect(throws: Fault.self) { try metrics.distribution("a_time", "A.", unit: .seconds) }
        #expect(throws: Fault.self) { try metrics.counter("a_total", "A.", unit: .bytes) }
        let wrong = [["", "x"], ["0", "x"], ["__a", "x"], ["a:b", "x"], ["quantile", "0.5"]]
        for label in wrong {
            #expect(throws: Fault.self, "\(label)") {
                try metrics.distribution(
                    "a_seconds", "A.", unit: .seconds, labels: [MetricLabel(label[0], label[1])])
            }
        }
        #expect(throws: Fault.self) {
            try metrics.gauge("g", "G.", labels: [MetricLabel("a", "1"), MetricLabel("a", "2")])
        }
        _ = try metrics.gauge("g", "G.")
        #expect(throws: Fault.self) { try metrics.gauge("g", "G.", unit: .ratio) }
    }

    @Test func `Series past the limit are refused`() throws {
        let metrics = Metrics()
        for index in 0..<Metrics.seriesLimit {
            _ = try metrics.gauge("g", "G.", labels: [MetricLabel("i", "\(index)")])
        }
        do {
            _ = try metrics.counter("a_total", "A.")
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.code == .exhausted)
        }
    }
}
