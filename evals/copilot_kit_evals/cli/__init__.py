"""Commands that join `copilot-kit` through the entry points `copilot_kit.commands`; a module has its command's name."""
