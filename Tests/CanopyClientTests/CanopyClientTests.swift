import Testing

@testable import CanopyClient
