import Testing
@testable import Simulation
@Suite struct ClockworkTests { @Test func `x`() {} }
