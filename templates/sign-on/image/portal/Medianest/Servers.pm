package Medianest::Servers;

# Servers outside that the operator has named (the mail server, an LDAP): their settings, and how the last attempt to reach one went.
use strict;
use warnings;
use Encode qw(encode);
use Errno qw(ENOENT);
use JSON;
use POSIX qw(strftime);

use constant { CONFIGURATION => '/etc/medianest/current', SECRETS => '/run/secrets', STATE => '/run/sign-on' };

my %known;

sub text_of {
    my ($file) = @_;
    open my $handle, '<:encoding(UTF-8)', $file or die "$file cannot be read: $!\n";
    local $/ = undef;
    return scalar <$handle>;
}

# @param $name mail, ldap @param $whose the setting that comes with a password
# @returns what medianest has written, with `password` and `ca` (a file); undefined where there is no such server @throws where that cannot be told
sub settings {
    my ( $name, $whose ) = @_;
    return $known{$name} if $known{$name};
    my $file = CONFIGURATION . "/$name.json";
    unless ( -e $file ) {
        die "$file cannot be read: $!\n" unless $! == ENOENT;
        return;
    }
    my $read = decode_json( encode( 'UTF-8', text_of($file) ) );
    $read->{password} = text_of( SECRETS . "/sign-on-$name-password" ) =~ s/\n\z//r if defined $read->{$whose};
    $read->{ca}       = SECRETS . "/sign-on-$name-ca" if $read->{hasCa};
    return $known{$name} = $read;
}

# A file that is not written makes `health` say that it does not know.
sub note {
    my ( $name, $problem ) = @_;
    my $file = STATE . "/$name-server";
    open my $next, '>', "$file.$$" or return;
    print $next encode_json( { checked => strftime( '%Y-%m-%dT%H:%M:%SZ', gmtime ), problem => $problem } );
    close $next or return;
    rename "$file.$$", $file;
    return;
}

# @returns {checked, problem}; nothing where that cannot be told
sub state_of {
    my ($name) = @_;
    return eval { decode_json( encode( 'UTF-8', text_of( STATE . "/$name-server" ) ) ) } || {};
}

# A line of the log, in JSON.
my $json = JSON->new->utf8->canonical;

sub event {
    my ( $code, $message, %more ) = @_;
    print STDERR $json->encode( { time => strftime( '%Y-%m-%dT%H:%M:%SZ', gmtime ), code => $code, message => $message, %more } ), "\n";
    return;
}

1;
