// CanopyClient
