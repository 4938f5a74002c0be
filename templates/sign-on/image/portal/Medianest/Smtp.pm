package Medianest::Smtp;

# Hands mail to the operator's mail server: SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH (RFC 4954). What fails is said for a person;
# what the server answers is never repeated, as it may repeat a secret.
use strict;
use warnings;
use Encode qw(encode);
use IO::Socket::INET;
use IO::Socket::SSL qw(SSL_VERIFY_PEER);
use MIME::Base64 qw(encode_base64);

use constant { CONNECT_SECONDS => 6, WHOLE_SECONDS => 20, LONGEST_REPLY => 65536 };

# @param %$server host (its name, which its certificate is for), connect ({host, port}), tls (starttls, implicit, none), user, password, ca (a file)
# @param $mail {from, to, text}: addresses alone, and the whole message with its lines ended by CRLF; undefined to sign in and say no more
# @throws why it was not accepted
sub deliver {
    my ( $server, $mail ) = @_;
    my $line;
    my $done = eval {
        local $SIG{ALRM} = sub { die "the mail server is too slow\n" };
        alarm WHOLE_SECONDS;
        $line = connected($server);
        talk( $server, $line, $mail );
        alarm 0;
        1;
    };
    my $why = $@;
    alarm 0;
    close $line->{socket} if $line && $line->{socket};
    die $why unless $done;
    return;
}

sub talk {
    my ( $server, $line, $mail ) = @_;

    # The container on the way ends the connection where it has not reached the server.
    eval { expects( $line, 220, 'does not greet' ); 1 } or die $@ =~ s/closed the connection/cannot be reached/r;
    my $offers = hello($line);
    if ( $server->{tls} eq 'starttls' ) {
        die "the mail server does not speak TLS as asked\n" unless exists $offers->{STARTTLS};
        says( $line, 'STARTTLS', 220, 'does not speak TLS as asked' );

        # What came before the handshake is not of the server that it proves.
        die "the mail server speaks before TLS\n" if $line->{text} ne '';
        encrypted( $server, $line );
        $offers = hello($line);
    }
    sign_in( $server, $line, $offers ) if defined $server->{user};
    if ($mail) {
        says( $line, "MAIL FROM:<$mail->{from}>", 250, 'refuses the sender' );
        says( $line, "RCPT TO:<$mail->{to}>",     250, 'refuses the receiver' );
        says( $line, 'DATA',                      354, 'takes no message' );
        says( $line, "$mail->{text}\r\n.",        250, 'refuses the message' );
    }
    eval { says( $line, 'QUIT', 221, 'does not end' ) };
    return;
}

sub connected {
    my ($server) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => $server->{connect}{host},
        PeerPort => $server->{connect}{port},
        Timeout  => CONNECT_SECONDS
    ) or die "the mail server cannot be reached\n";
    my $line = { socket => $socket, text => '' };
    encrypted( $server, $line ) if $server->{tls} eq 'implicit';
    return $line;
}

# The certificate is judged for the name that the operator gave, whatever the connection led to.
sub encrypted {
    my ( $server, $line ) = @_;
    my $name = $server->{host};
    return if IO::Socket::SSL->start_SSL(
        $line->{socket},
        SSL_verify_mode     => SSL_VERIFY_PEER,
        SSL_verifycn_scheme => 'smtp',
        SSL_verifycn_name   => $name,
        ( $name =~ /\A[\d.]+\z|:/ ? () : ( SSL_hostname => $name ) ),
        ( $server->{ca} ? ( SSL_ca_file => $server->{ca} ) : () ),
    );
    my $why = $IO::Socket::SSL::SSL_ERROR // '';
    die "the mail server’s certificate is for another name\n" if $why =~ /hostname verification/;
    die "the mail server’s certificate is not trusted\n"      if $why =~ /certificate verify failed/;
    die "the mail server cannot be reached\n"                 if $why =~ /closed|reset|eof/i;
    die "the mail server does not speak TLS as asked\n";
}

sub sign_in {
    my ( $server, $line, $offers ) = @_;
    my $refused = 'refuses the user or the password';
    my ( $user, $password ) = map { encode( 'UTF-8', $_ // '' ) } @$server{qw(user password)};
    my %knows = map { uc $_ => 1 } split ' ', $offers->{AUTH} // '';
    return says( $line, 'AUTH PLAIN ' . encode_base64( "\0$user\0$password", '' ), 235, $refused ) if $knows{PLAIN};
    die "the mail server knows no way to sign in that we know\n" unless $knows{LOGIN};
    says( $line, 'AUTH LOGIN', 334, $refused );
    says( $line, encode_base64( $user,     '' ), 334, $refused );
    says( $line, encode_base64( $password, '' ), 235, $refused );
    return;
}

# @returns extension -> what it says of itself. A container has no name that a server could check: an address will do (RFC 5321, 4.1.3).
sub hello {
    my ($line) = @_;
    my ( undef, @offers ) = says( $line, 'EHLO [127.0.0.1]', 250, 'does not take us' );
    return { map { /\A(\S+)(?:[ ](.*))?\z/ ? ( uc $1 => $2 // '' ) : () } @offers };
}

sub says {
    my ( $line, $command, $code, $otherwise ) = @_;
    my $text = "$command\r\n";
    local $SIG{PIPE} = 'IGNORE';
    while ( $text ne '' ) {
        my $sent = syswrite $line->{socket}, $text;
        die "the mail server closed the connection\n" unless $sent;
        substr $text, 0, $sent, '';
    }
    return expects( $line, $code, $otherwise );
}

sub expects {
    my ( $line, $code, $otherwise ) = @_;
    my ( $answer, $got );
    while (1) {
        ( $answer, $got ) = ( $1, $2 ) if $line->{text} =~ s/\A((?:\d{3}-[^\n]*\n)*(\d{3})(?:[ ][^\n]*)?\r?\n)//;
        last if defined $got;
        die "the mail server answers without an end\n" if length $line->{text} > LONGEST_REPLY;
        my $read = sysread $line->{socket}, my $more, 4096;
        die "the mail server closed the connection\n" unless $read;
        $line->{text} .= $more;
    }
    die "the mail server $otherwise ($got)\n" if $got != $code;
    return map { substr $_, 4 } split /\r?\n/, $answer;
}

1;
