package command

func legacyCommands() map[string]command { return map[string]command{} }
